"""Invented firms of the sample book with their assets; every generated file states that they are invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Firm:
    """Small firm with its assets, the terms of its loan, and its initial LTV at the end of 2021.

    ``goods`` lists (series, quantity, unit), ``machines`` (make, model, equipment class, policy class, year built,
    price new, hours, condition), ``ip_assets`` (kind, office, year filed, yearly revenue, royalty rate) and ``orders``
    (buyer, amount). ``country`` is that of the warehouse, where goods and machines are; a firm without a warehouse states
    no place. A loan with ``base_block`` or ``base_sublimits`` has a borrowing base.
    """

    key: str
    name: str
    currency: str
    start_ltv: float
    goods: tuple[tuple[str, str, str], ...] = ()
    machines: tuple[tuple[str, str, str, str, int, int, int, str], ...] = ()
    ip_assets: tuple[tuple[str, str, int, int, str], ...] = ()
    orders: tuple[tuple[str, int], ...] = ()
    credit_limit: bool = False
    basis: str = ""
    levels: tuple[str, str, str, str] | None = None
    warehouse: str = ""
    country: str = ""
    base_block: str = ""
    base_sublimits: str = ""


def _m(
    make: str, model: str, code: str, built: int, price: int, hours: int, condition: str, kind: str = ""
) -> tuple[str, str, str, str, int, int, int, str]:
    return (make, model, code, f"equipment.{kind or 'commodity_machine'}", built, price, hours, condition)


LATHE = _m("Okura", "QT-250", "metalworking_machines", 2018, 145_000, 6_200, "GOOD")
MILL = _m("Haller", "VM-40", "metalworking_machines", 2016, 210_000, 11_800, "FAIR")
PRESS = _m("Brunner", "P-400", "metalworking_machines", 2014, 380_000, 16_400, "FAIR")
EXCAVATOR = _m("Kamado", "PX-210", "construction_machinery", 2019, 185_000, 3_900, "GOOD")
LOADER = _m("Kamado", "WL-320", "construction_machinery", 2017, 150_000, 6_100, "GOOD")
DOZER = _m("Tyrell", "D6", "construction_tractors", 2018, 260_000, 4_400, "GOOD")
TRACTOR = _m("Agrola", "T7-230", "farm_tractors", 2019, 165_000, 2_700, "GOOD")
COMBINE = _m("Agrola", "C9-500", "other_agricultural_machinery", 2018, 390_000, 1_900, "GOOD")
TRUCK = _m("Volmar", "FH-460", "trucks", 2019, 118_000, 7_000, "GOOD")
FILLER = _m("Krohn", "Fill-12", "special_industrial_machinery", 2017, 540_000, 14_000, "GOOD", "production_line")
DRYER = _m("Delta", "GD-80", "special_industrial_machinery", 2015, 320_000, 0, "UNKNOWN", "production_line")
KILN = _m("Steinbach", "K-2", "special_industrial_machinery", 2013, 610_000, 30_000, "FAIR", "single_purpose")
FORKLIFT = _m("Linmar", "E-30", "general_industrial_equipment", 2020, 42_000, 1_800, "GOOD")
COMPRESSOR = _m("Atlan", "GA-75", "general_industrial_equipment", 2018, 58_000, 9_000, "GOOD")

FIRMS = (
    Firm(
        "nordkupfer",
        "Nordkupfer Handel GmbH",
        "EUR",
        0.84,
        (("copper", "310", "t"), ("copper", "180", "t"), ("zinc", "120", "t")),
        warehouse="Rotterdam-Botlek 3",
        country="NL",
    ),
    Firm(
        "harbour-metals",
        "Harbour Metals Ltd",
        "USD",
        0.82,
        (("copper", "420000", "kg"), ("aluminum", "350", "t")),
        credit_limit=True,
        warehouse="Baltimore Dock 7",
        country="US",
    ),
    Firm(
        "cobre-andino",
        "Cobre Andino SAC",
        "USD",
        0.88,
        (("copper", "260", "t"), ("copper", "140", "t")),
        warehouse="Callao Norte",
        country="PE",
    ),
    Firm(
        "zhenhua",
        "Zhenhua Nonferrous Trading Co",
        "CNY",
        0.80,
        (("copper", "95", "t"), ("aluminum", "600", "t"), ("zinc", "150", "t")),
        warehouse="Qingdao Huangdao 2",
        country="CN",
    ),
    Firm(
        "lumi-extrusion",
        "Lumi Extrusion Srl",
        "EUR",
        0.78,
        (("aluminum", "420", "t"), ("aluminum", "260", "t")),
        (PRESS, FORKLIFT),
        warehouse="Trieste Porto Nuovo",
        country="IT",
    ),
    Firm(
        "alba-casting",
        "Alba Casting SpA",
        "EUR",
        0.72,
        (("aluminum", "180", "t"),),
        (PRESS, MILL, COMPRESSOR),
        warehouse="Genova Voltri",
        country="IT",
    ),
    Firm(
        "galvano-sud",
        "Galvano Sud SA",
        "EUR",
        0.83,
        (("zinc", "310", "t"), ("zinc", "150", "t")),
        (COMPRESSOR,),
        warehouse="Marseille Fos",
        country="FR",
    ),
    Firm(
        "tri-rivers",
        "Tri-Rivers Metals LLC",
        "USD",
        0.76,
        (("zinc", "880000", "lb"), ("aluminum", "300", "t")),
        warehouse="New Orleans Almonaster",
        country="US",
    ),
    Firm(
        "red-prairie",
        "Red Prairie Milling Co",
        "USD",
        0.81,
        (("wheat", "420000", "bushel_wheat"), ("corn", "260000", "bushel_corn")),
        (DRYER,),
        credit_limit=True,
        warehouse="Kansas City Elevator B",
        country="US",
    ),
    Firm(
        "golden-ear",
        "Golden Ear Farms LLC",
        "USD",
        0.79,
        (("corn", "510000", "bushel_corn"), ("soybeans", "90000", "bushel_soybeans")),
        (COMBINE, TRACTOR),
        warehouse="Peoria Elevator 4",
        country="US",
    ),
    Firm(
        "ceres-moulins",
        "Moulins Ceres SARL",
        "EUR",
        0.84,
        (("wheat", "11000", "t"),),
        (FILLER,),
        warehouse="Rouen Silo 9",
        country="FR",
    ),
    Firm(
        "pampa-agro",
        "Pampa Agro SRL",
        "USD",
        0.86,
        (("soybeans", "12000", "t"), ("corn", "6000", "t")),
        warehouse="Rosario Silo 2",
        country="AR",
    ),
    Firm(
        "haizhou-feed",
        "Haizhou Feed Co",
        "CNY",
        0.78,
        (("corn", "9500", "t"), ("soybeans", "3200", "t")),
        (DRYER,),
        warehouse="Lianyungang Grain 5",
        country="CN",
    ),
    Firm(
        "danube-grain",
        "Danube Grain Kft",
        "EUR",
        0.80,
        (("wheat", "8000", "t"), ("corn", "7000", "t")),
        warehouse="Csepel Silo 1",
        country="HU",
    ),
    Firm(
        "blue-fuel",
        "Blue Fuel Distribution Inc",
        "USD",
        0.75,
        (("gasoline", "900000", "gal"), ("heatoil", "700000", "gal")),
        (TRUCK, TRUCK),
        credit_limit=True,
        warehouse="Newark Tank Farm",
        country="US",
    ),
    Firm(
        "north-sea-bunker",
        "North Sea Bunker BV",
        "EUR",
        0.77,
        (("wti", "14000", "bbl"), ("heatoil", "420000", "gal")),
        warehouse="Rotterdam Europoort T4",
        country="NL",
    ),
    Firm(
        "permian-gather",
        "Permian Gathering LLC",
        "USD",
        0.80,
        (("wti", "30000", "bbl"),),
        (TRUCK, LOADER),
        warehouse="Midland Terminal",
        country="US",
    ),
    Firm(
        "orafo-vicenza",
        "Orafo Vicenza Snc",
        "EUR",
        0.80,
        (("gold", "1400", "oz_t"), ("platinum", "320", "oz_t")),
        warehouse="Vicenza Vault",
        country="IT",
    ),
    Firm(
        "kensington-gold",
        "Kensington Goldsmiths Ltd",
        "USD",
        0.83,
        (("gold", "900", "oz_t"),),
        warehouse="London Vault 2",
        country="GB",
    ),
    Firm(
        "catalyx",
        "Catalyx Recycling GmbH",
        "EUR",
        0.79,
        (("platinum", "2100", "oz_t"),),
        (MILL,),
        warehouse="Hanau Vault",
        country="DE",
    ),
    Firm(
        "shenzhen-jewel",
        "Shenzhen Bright Jewellery Co",
        "CNY",
        0.76,
        (("gold", "30", "kg"),),
        warehouse="Shenzhen Vault 8",
        country="CN",
    ),
    Firm(
        "cacao-house",
        "Cacao House NV",
        "USD",
        0.80,
        (("cocoa", "600000", "kg"),),
        (FORKLIFT, COMPRESSOR),
        warehouse="Amsterdam Shed 12",
        country="NL",
    ),
    Firm(
        "latex-works",
        "Latex Works Sdn",
        "USD",
        0.78,
        (("rubber", "700", "t"),),
        (FILLER,),
        warehouse="Port Klang 6",
        country="MY",
    ),
    Firm(
        "nordic-sweets",
        "Nordic Sweets AS",
        "EUR",
        0.74,
        (("cocoa", "90000", "kg"),),
        (LOADER, TRUCK, FORKLIFT),
        warehouse="Gothenburg Shed 3",
        country="SE",
    ),
    Firm("precision-turn", "Precision Turning Ltd", "USD", 0.72, (), (LATHE, LATHE, MILL, COMPRESSOR)),
    Firm(
        "eisenwerk",
        "Eisenwerk Lauter GmbH",
        "EUR",
        0.78,
        (),
        (PRESS, PRESS, MILL),
        basis="MARKET",
        levels=("0.40", "0.50", "0.60", "0.70"),
    ),
    Firm("terra-dig", "Terra Dig Construction LLC", "USD", 0.76, (), (EXCAVATOR, EXCAVATOR, LOADER, DOZER)),
    Firm("vial-norte", "Vial Norte SA", "EUR", 0.81, (), (EXCAVATOR, DOZER, TRUCK)),
    Firm("agri-fleet", "Agri Fleet Partners", "USD", 0.73, (), (TRACTOR, TRACTOR, COMBINE)),
    Firm("bottle-line", "Bottle Line Polska Sp", "EUR", 0.77, (), (FILLER, FORKLIFT, KILN)),
    Firm("keramik-alt", "Keramik Altmann KG", "EUR", 0.80, (), (KILN, KILN, COMPRESSOR)),
    Firm("haul-right", "Haul Right Logistics Inc", "USD", 0.79, (), (TRUCK, TRUCK, TRUCK, TRUCK)),
    Firm(
        "codewright",
        "Codewright Software GmbH",
        "EUR",
        0.70,
        (),
        (),
        (("SOFTWARE", "DE", 2018, 4_200_000, "0.06"), ("TRADEMARK", "EU", 2016, 5_500_000, "0.02")),
    ),
    Firm(
        "membranex",
        "Membranex Filters Ltd",
        "USD",
        0.74,
        (),
        (LATHE,),
        (("PATENT", "US", 2013, 6_800_000, "0.05"), ("PATENT", "EP", 2015, 3_900_000, "0.05")),
    ),
    Firm(
        "huaxin-sensor",
        "Huaxin Sensor Co",
        "CNY",
        0.72,
        (),
        (MILL,),
        (
            ("PATENT", "CN", 2016, 31_000_000, "0.04"),
            ("UTILITY_MODEL", "CN", 2017, 18_000_000, "0.03"),
            ("DESIGN", "CN", 2019, 9_000_000, "0.02"),
        ),
    ),
    Firm(
        "casa-bella",
        "Casa Bella Design Srl",
        "EUR",
        0.71,
        (),
        (),
        (("TRADEMARK", "EU", 2012, 9_000_000, "0.03"), ("DESIGN", "EU", 2018, 2_400_000, "0.03")),
    ),
    Firm(
        "biolume",
        "Biolume Optics Inc",
        "USD",
        0.75,
        (),
        (),
        (("PATENT", "US", 2011, 5_200_000, "0.06"), ("SOFTWARE", "US", 2017, 2_100_000, "0.05")),
    ),
    Firm(
        "press-verlag",
        "Pressverlag Linden KG",
        "EUR",
        0.70,
        (),
        (FORKLIFT,),
        (("COPYRIGHT", "DE", 2010, 2_600_000, "0.07"), ("TRADEMARK", "DE", 2009, 2_900_000, "0.02")),
    ),
    Firm(
        "meridian-parts",
        "Meridian Parts Ltd",
        "USD",
        0.81,
        (("aluminum", "210", "t"),),
        (LATHE, FORKLIFT),
        base_block="15000",
        base_sublimits="equipment=0.25",
    ),
    Firm(
        "atlas-export",
        "Atlas Export Trading",
        "EUR",
        0.78,
        (("copper", "90", "t"), ("zinc", "60", "t")),
        (),
        orders=(("Baumann Kabel AG", 320_000),),
        warehouse="Hamburg Altenwerder",
        country="DE",
    ),
    Firm(
        "sunrise-foods",
        "Sunrise Foods BV",
        "EUR",
        0.80,
        (("wheat", "2600", "t"), ("soybeans", "900", "t")),
        (FILLER,),
        orders=(("Market Chain NV", 150_000),),
        warehouse="Antwerp Silo 11",
        country="BE",
    ),
)
