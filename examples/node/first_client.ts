// Registers a copper lot, lends on it, and receives the breach event when the price falls. See ../README.md.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { credentials, loadPackageDefinition, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const root = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../../" : "../../../", import.meta.url));
const address = process.env.COLLATERAL_SERVER ?? "127.0.0.1:50052";
const files = ["asset", "breach", "business_date", "loan", "price"];
const contract = loadSync(
  files.map((name) => `collateral_registry/v1/${name}.proto`),
  { includeDirs: [`${root}protos`], keepCase: true, longs: String, enums: String, defaults: true },
);
const services = (loadPackageDefinition(contract) as any).collateral_registry.v1;
const client = (name: string) => new services[name](address, credentials.createInsecure());
const [assets, breaches, days, loans, prices] = ["Asset", "Breach", "BusinessDate", "Loan", "Price"].map((name) =>
  client(`${name}Service`),
);

function call(stub: any, method: string, request: object): Promise<any> {
  return new Promise((resolve, reject) =>
    stub[method](request, (error: ServiceError | null, answer: any) => (error ? reject(error) : resolve(answer))),
  );
}

function on(day: string) {
  const [year, month, date] = day.split("-").map(Number);
  return { year, month, day: date };
}

type Row = { date: string; price: string };
const quote = (row: Row) => ({ price_series: "priceSeries/copper", date: on(row.date), price: { value: row.price } });

const lines = readFileSync(`${root}collateral_registry/sample/prices.csv`, "utf8").split(/\r?\n/);
const [header, ...rows] = lines.filter((line) => line && !line.startsWith("#")).map((line) => line.split(","));
const column = (row: string[], name: string) => row[header.indexOf(name)];
const copper = rows
  .filter((row) => column(row, "series") === "copper")
  .map((row) => ({ date: column(row, "date"), price: column(row, "price") }));
const before = copper.filter((row) => row.date <= "2022-06-01").slice(-500);
const after = copper.filter((row) => row.date > "2022-06-01" && row.date <= "2022-07-20");

const series = { good: "copper", unit: "t", currency_code: "USD", market: "spot", max_age_days: 10 };
await call(prices, "CreatePriceSeries", { price_series: series, price_series_id: "copper" });
await call(prices, "IngestPrices", { observations: before.map(quote) });

const inventory = { good: "copper", quantity: { value: "100" }, unit: "t", warehouse: "Rotterdam 3", lot: "A-17" };
const papers = { insurance_expire_date: on("2023-06-30"), last_inspection_date: on("2022-05-20") };
const asset = { owner: "Acme Metals", asset_class: "inventory.base_metal", currency_code: "USD", inventory, ...papers };
await call(assets, "CreateAsset", { asset, asset_id: "lot-a17" });

const balance_date = on("2022-06-01");
const loan = { borrower: "Acme Metals", currency_code: "USD", balance_date };
await call(loans, "CreateLoan", { loan, loan_id: "loan-1" });
const pledge = { asset: "assets/lot-a17", registry: "national notice registry", registration_number: "2022-1" };
await call(loans, "PledgeAsset", { parent: "loans/loan-1", pledge, pledge_id: "p-1" });
const principal = { currency_code: "USD", units: "650000" };
await call(loans, "UpdateBalances", { balances: [{ loan: "loans/loan-1", principal, balance_date }] });

const events = breaches.WatchBreaches({});
for (const row of after) {
  await call(days, "AdvanceBusinessDate", { date: on(row.date) });
  await call(prices, "IngestPrices", { observations: [quote(row)] });
}
for await (const answer of events) {
  const opened = answer.events.find((event: any) => event.kind === "BREACH_EVENT_KIND_OPENED");
  if (!opened) continue;
  const { year, month, day } = opened.market_date;
  const date = new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10);
  console.log(`${opened.breach} opened on ${date} at LTV ${opened.ltv.value}`);
  console.log(`cash cure: ${opened.cash_cure.units} ${opened.cash_cure.currency_code}`);
  break;
}
events.cancel();
