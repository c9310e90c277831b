"""A partner's own file becomes the same movements as a standard file, or names the row, the column and the rule."""

import re
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest

from collateral_partner.feed_mapping import COLUMNS, READING, STANDARD, read_mapping
from collateral_partner.rows import CountLine, read_count, read_movements
from tests.support.server import repository

HEADER = "movement,kind,time,warehouse,lot,quantity,good,unit\n"
SAMPLE = Path(str(files("collateral_partner.sample")))


def mapping(folder, text):
    path = folder / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path)


def written(folder, text, encoding="utf-8"):
    path = folder / "stock.csv"
    path.write_bytes(text.encode(encoding))
    return path


def refused(folder, text, toml=""):
    """Returns the lines and reasons of the refused rows."""
    found = read_movements(written(folder, text), mapping(folder, toml) if toml else STANDARD)
    return [f"{line}: {reason}" for line, reason in found.refused]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_an_own_file_gives_the_movements_of_the_standard_file(tmp_path, encoding):
    toml = """
        [columns]
        movement = ["单号", "行号"]
        kind = "类型"
        time = ["日期", "时间"]
        lot = "批次"
        quantity = "数量"
        good = "品名"
        unit = "单位"
        [fixed]
        warehouse = "W-1"
        [values]
        kind = { "入库" = "receipt", "出库" = "ISSUE" }
        good = { "铜" = "copper" }
        unit = { "吨" = "t" }
        [reading]
        time_zone = "Asia/Shanghai"
        decimal = ","
        thousands = "."
        separator = ";"
    """
    own = (
        "单号;行号;类型;日期;时间;批次;数量;品名;单位;备注\n"
        "A;1;入库;2024年5月2日;08:15;L-1;1.250,5;铜;吨;一号\n"
        "A;2;出库;2024/5/3;;L-1;8.512; 铜 ;T;\n"
    )
    standard = (
        f"{HEADER}A 1,RECEIPT,2024-05-02T00:15:00Z,W-1,L-1,1250.5,copper,t\n"
        "A 2,ISSUE,2024-05-02T16:00:00Z,W-1,L-1,8512,copper,t\n"
    )
    found = read_movements(written(tmp_path, own, encoding), mapping(tmp_path, toml))
    expected = read_movements(written(tmp_path, standard))

    assert found.refused == expected.refused == []
    assert found.movements == expected.movements
    assert found.line_of == expected.line_of == {"A 1": 2, "A 2": 3}


@pytest.mark.parametrize(
    ("file", "toml", "count"), [("movements.csv", "mapping.toml", 6), ("movements.zh.csv", "mapping.zh.toml", 5)]
)
def test_the_samples_are_read_completely(file, toml, count):
    found = read_movements(SAMPLE / file, read_mapping(SAMPLE / toml))

    assert found.refused == []
    assert len(found.movements) == count
    assert {one.good for one in found.movements} == {"copper", "aluminium"}
    assert sum(one.quantity for one in found.movements if one.unit == "t" and one.kind == "RECEIPT") == Decimal(
        "1748.75"
    )


def test_kinds_of_a_standard_file_may_be_in_lower_case_and_times_local(tmp_path):
    path = written(tmp_path, f"{HEADER}m-1,receipt,2024-05-02 08:15,W-1,L-1,1,copper,t\n")
    found = read_movements(path, STANDARD.in_zone("Asia/Shanghai"))

    assert [(one.kind, one.happened.isoformat()) for one in found.movements] == [
        ("RECEIPT", "2024-05-02T00:15:00+00:00")
    ]


def test_the_stated_time_zone_takes_precedence_over_that_of_the_mapping(tmp_path):
    path = written(tmp_path, f"{HEADER}m-1,receipt,2024-05-02 08:15,W-1,L-1,1,copper,t\n")
    own = mapping(tmp_path, '[reading]\ntime_zone = "Europe/Berlin"')

    assert [read_movements(path, one).movements[0].happened.hour for one in (own, own.in_zone("Asia/Shanghai"))] == [
        6,
        0,
    ]


@pytest.mark.parametrize(
    ("row", "toml", "reason"),
    [
        (
            "m-1,RECEIPT,2024-05-02 08:15,W-1,L-1,1,copper,t",
            "",
            "2: time: got '2024-05-02 08:15', want a time with its",
        ),
        ("m-1,RECEIPT,,W-1,L-1,1,copper,t", "", "2: time: got nothing, want a time"),
        ("m-1,gift,2024-05-02T08:15Z,W-1,L-1,1,copper,t", "", "2: kind: got 'GIFT', want one of RECEIPT"),
        ("1.23457E+11,RECEIPT,2024-05-02T08:15Z,W,L,1,tin,t", "", "2: movement: got '1.23457E+11', want the digits"),
        ("m-1,RECEIPT,2024-05-02T08:15Z,W,2.02E+07,1,tin,t", "", "2: lot: got '2.02E+07', want the digits as issued"),
        ("m-1,RECEIPT,2024-05-02T08:15Z,W-1,L-1,,copper,t", "", "2: quantity: got nothing, want a quantity"),
        ("m-1,RECEIPT,2024-05-02T08:15Z,W-1,L-1,1;5,copper,t", "", "2: quantity: got '1;5', want a number"),
        (
            "m-1,RECEIPT,2024-05-02T08:15Z,W-1,L-1,1.5,copper,t",
            '[reading]\ndecimal = ","',
            "2: quantity: got '1.5', want a number with the decimal sign ','",
        ),
        (
            "m-1,RECEIPT,2024-05-02T08:15Z,W-1,L-1,1,tin,t",
            '[values.good]\n"Kupfer" = "copper"',
            "2: good: got 'tin', want one of kupfer, copper; add it to values.good",
        ),
        (
            "m-1,RECEIPT,31.03.2024 02:30,W-1,L-1,1,tin,t",
            '[reading]\ntime_zone = "Europe/Berlin"',
            "2: time: got '31.03.2024 02:30', want a time that exists in Europe/Berlin",
        ),
        (
            "m-1,RECEIPT,2024-05-02,W-1,L-1,1,tin,t",
            '[reading]\ntime_zone = "Europe/Berlin"\ntime_format = "%d.%m.%Y"',
            "2: time: got '2024-05-02', want a time in the form %d.%m.%Y",
        ),
    ],
)
def test_a_row_is_refused_with_its_line_column_value_and_rule(tmp_path, row, toml, reason):
    (found,) = refused(tmp_path, f"{HEADER}{row}\n", toml)

    assert found.startswith(reason)


def test_a_mapped_column_is_named_by_its_own_header(tmp_path):
    toml = '[columns]\ntime = ["Tag", "Uhr"]\nquantity = "Menge"\n[values.kind]\n"Eingang" = "receipt"'
    text = "movement,kind,Tag,Uhr,warehouse,lot,Menge\nm-1,Eingang,2024-05-02,08:15,W,L,1\nm-2,receipt,,,W,L,x\n"

    assert refused(tmp_path, text, toml) == [
        "2: Tag + Uhr: got '2024-05-02 08:15', want a time with its zone such as 2022-07-01T12:00:00Z, or the zone of "
        "local times in --time-zone or reading.time_zone",
        "3: Menge: got 'x', want a number in plain digits such as 1200.50",
    ]


@pytest.mark.parametrize(
    ("text", "toml", "message"),
    [
        (
            f"{HEADER}m-1,receipt,01/02/2024 08:00,W,L,1,copper,t\n",
            '[reading]\ntime_zone = "UTC"',
            r"stock\.csv:2: time: got 01/02/2024, but day and month cannot be distinguished, want .*time_format",
        ),
        (
            f'{HEADER}m-1,receipt,2024-05-02T08:00Z,W,L,"1,250",copper,t\n',
            "",
            r"stock\.csv:2: quantity: got '1,250', which is a number of thousands or one with three decimals",
        ),
        (
            f"{HEADER}m-1,receipt,2024-05-02T08:00Z,W,L,1,copper,t\nm-1,receipt,2024-05-02T08:00Z,W,L,2,copper,t\n",
            "",
            r"stock\.csv:3: movement: got 'm-1' as in line 2, with other content, want an id of its own",
        ),
        (HEADER.replace("lot", "Partie"), "", r"no column 'lot'"),
        (HEADER, '[columns]\ngrade = "Güte"', r"no column 'Güte'"),
        (HEADER.replace("unit", "uom"), "", r"column 'uom', want only"),
    ],
)
def test_what_concerns_a_whole_column_refuses_the_file(tmp_path, text, toml, message):
    with pytest.raises(ValueError, match=message):
        read_movements(written(tmp_path, text), mapping(tmp_path, toml))


def test_a_repeated_row_is_refused_because_it_may_be_a_second_movement(tmp_path):
    row = "m-1,receipt,2024-05-02T08:15Z,W,L,5,copper,t\n"
    found = read_movements(written(tmp_path, HEADER + row + row.replace("m-1", "m-2") + row))

    assert [one.movement_id for one in found.movements] == ["m-1", "m-2"]
    assert found.refused == [
        (4, "movement: got 'm-1' as in line 2, with the same content, want each movement once; the first one counts")
    ]


@pytest.mark.parametrize("quantity", ["0.1234567", "1234567890123"])
def test_a_quantity_that_cannot_be_sent_is_refused_under_the_header_of_the_file(tmp_path, quantity):
    text = f"Beleg,kind,time,warehouse,lot,Menge\nm-1,receipt,2024-05-02T08:15Z,W,L,{quantity}\n,,,,,{quantity}\n"

    assert refused(tmp_path, text, '[columns]\nmovement = "Beleg"\nquantity = "Menge"') == [
        f"2: Menge: got {quantity}, want at most 12 digits before the point and 6 after",
        "3: Beleg: got nothing, want the number of the movement; a row of totals has none and is not sent",
    ]


def test_a_stated_form_and_sign_decide_what_a_column_leaves_open(tmp_path):
    toml = '[reading]\ntime_zone = "UTC"\ntime_format = "%d/%m/%Y %H:%M"\ndecimal = "."'
    path = written(tmp_path, f'{HEADER}m-1,receipt,01/02/2024 08:00,W,L,"1,250",copper,t\n')
    (one,) = read_movements(path, mapping(tmp_path, toml)).movements

    assert (f"{one.happened:%Y-%m-%d}", one.quantity) == ("2024-02-01", 1250)


def test_columns_are_only_ignored_if_the_mapping_names_columns(tmp_path):
    text = (
        HEADER.replace("lot", "Partie").replace("unit", "unit,remark")
        + "m-1,receipt,2024-05-02T08:00Z,W,L,1,copper,t,x\n"
    )

    assert len(read_movements(written(tmp_path, text), mapping(tmp_path, '[columns]\nlot = "Partie"')).movements) == 1


def test_a_header_that_is_mapped_to_another_column_is_not_read_under_its_standard_name(tmp_path):
    text = "document,kind,time,warehouse,lot,quantity,good,unit\nm-1,receipt,2024-05-02T08:00Z,W,L,1,copper,t\n"
    (one,) = read_movements(written(tmp_path, text), mapping(tmp_path, '[columns]\nmovement = "document"')).movements

    assert (one.movement_id, one.document) == ("m-1", "")


def test_a_count_is_read_by_the_same_mapping(tmp_path):
    toml = '[columns]\nkind = "类型"\nlot = "批次"\nquantity = "数量"\nunit = "单位"\n[fixed]\ngood = "copper"\n'
    toml += '[values.unit]\n"吨" = "t"\n[reading]\ndecimal = ","'
    found = read_count(written(tmp_path, "批次;数量;单位\nL-1;1,5;吨\n"), mapping(tmp_path, toml))

    assert found == [CountLine("L-1", "copper", "t", "1.5")]
    with pytest.raises(ValueError, match=r"stock\.csv:2: 单位: got 'kg', want one of 吨, t"):
        read_count(written(tmp_path, "批次;数量;单位\nL-1;1,5;kg\n"), mapping(tmp_path, toml))


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("columns = 1", "mapping: got columns, want the tables columns, fixed, reading and values"),
        ("[colums]\nlot = 'L'", "mapping: got colums, want the tables"),
        ("[columns]\nlots = 'L'", r"columns\.lots: got an unknown entry, want one of movement, kind"),
        ("[columns]\nlot = 1", r"columns\.lot: got 1, want a text or a list of texts"),
        ("[columns]\nlot = ''", r"columns\.lot: got '', want the header of a column"),
        ("[columns]\nquantity = ['a', 'b']", r"columns\.quantity: got \['a', 'b'\], want a text"),
        ("[columns]\nquantity = 'Menge'\nlot = 'Menge'", r"columns\.lot: got 'Menge', want another column"),
        (
            "[columns]\nunit = 'U'\n[fixed]\nunit = 't'",
            r"fixed\.unit: got 't', want either this value or columns\.unit",
        ),
        ("[fixed]\nquantity = '1'", r"fixed\.quantity: got an unknown entry"),
        ("[values.unit]\nton = 1", r"values\.unit: got \{'ton': 1\}, want a table of texts"),
        ("[values.unit]\nTon = 't'\nton = 'st'", r"values\.unit: got 'ton' twice"),
        ("[values.kind]\nEingang = 'in'", r"values\.kind: got 'in', want one of RECEIPT"),
        ("[reading]\ntime_zone = 'CST'", r"reading\.time_zone: got 'CST', want a time zone such as Asia/Shanghai"),
        ("[reading]\ntime_zone = '../etc'", r"reading\.time_zone: got"),
        ("[reading]\ntime_format = '%H:%M'", r"reading\.time_format: got '%H:%M'"),
        ("[reading]\ndecimal = ';'", r"reading\.decimal: got ';', want one of '\.' ','"),
        ("[reading]\ndecimal = ','\nthousands = ','", r"reading\.thousands: got ',', want another sign"),
        ("[reading]\nseparator = '::'", r"reading\.separator: got '::', want one character"),
        ("[reading]\nencoding = 'klingon'", r"reading\.encoding: got 'klingon', want an encoding of text"),
        ("[reading]\nencoding = 'base64'", r"reading\.encoding: got 'base64', want an encoding of text"),
        ("[reading\n", "mapping: got .*, want a TOML file in UTF-8"),
    ],
)
def test_an_invalid_mapping_is_refused_with_its_entry(tmp_path, toml, message):
    with pytest.raises(ValueError, match=message):
        mapping(tmp_path, toml)


@pytest.mark.parametrize("page", ["partners.md", "partners.zh.md"])
def test_the_mapping_of_the_guide_is_valid_and_the_guide_names_every_entry(tmp_path, page):
    text = (repository() / "docs" / page).read_text(encoding="utf-8")
    (toml,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    found = mapping(tmp_path, toml)

    assert found.fixed
    assert found.values
    assert [name for name in (*READING, *COLUMNS) if not re.search(rf"\b{name}\b", text)] == []
