// A shop in TypeScript: it asks what a plan costs, orders it by the quote, and catches up on what has happened.
// Compiling it shows that the types fit the API: a route, a field or a value that is not there is an error.

import type { components, operations, paths, webhooks } from "./resellflow.ts";

type Schemas = components["schemas"];
type Problem = Schemas["Problem"];
type Order = paths["/v1/services"]["post"]["requestBody"]["content"]["application/json"];
type Quote = operations["quote_request"]["responses"][200]["content"]["application/json"];
type Feed = paths["/v1/events"]["get"]["responses"][200]["content"]["application/json"];
type Completed =
  webhooks["resellflow.operation.completed.v1"]["post"]["requestBody"]["content"]["application/cloudevents+json"];

export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

export class Api {
  constructor(
    private readonly address: string,
    private readonly token: string,
  ) {}

  quote(order: Order): Promise<Quote> {
    return this.send<Quote>("POST", "/v1/quotes", { kind: "open", ...order });
  }

  /** The same key is the same order, however often it is sent. */
  order(order: Order, key: string): Promise<Schemas["OrderAccepted"]> {
    return this.send("POST", "/v1/services", order, key);
  }

  events(cursor?: string): Promise<Feed> {
    const query = new URLSearchParams(cursor === undefined ? { start: "now" } : { cursor });
    return this.send("GET", `/v1/events?${query}`);
  }

  private async send<T>(method: string, path: string, body?: unknown, key?: string): Promise<T> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key !== undefined) headers["Idempotency-Key"] = key;
    const request = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
    const answer = await fetch(this.address + path, request);
    if (!answer.ok) throw new Refused((await answer.json()) as Problem);
    return (await answer.json()) as T;
  }
}

export async function sell(api: Api, cart: string, customer: string, plan: string): Promise<number> {
  const wanted: Order = { plan, period_months: 1, customer, reference: cart };
  const offer = await api.quote(wanted);
  if (!offer.possible || offer.id === null) {
    throw new Error(`${plan} can't be had: ${offer.problems.map((one) => one.detail).join("; ")}`);
  }
  const price = offer.selling?.total;
  console.log(price ? `${plan} costs ${price.amount} ${price.currency}` : `${plan} has no price`);
  const accepted = await api.order({ ...wanted, quote: offer.id }, cart);
  return accepted.service.number;
}

export function inWords(operation: Schemas["OperationView"]): string {
  const stage: Schemas["Stage"] = operation.stage;
  switch (stage) {
    case "completed":
    case "cancelled":
      return stage;
    default:
      return `${stage}: ${operation.waits_for}`;
  }
}

export function completed(event: Completed): string {
  return `operation ${event.data.operation} of service ${event.subject ?? "?"}`;
}

// What must not compile: a misspelt field, a route and a stage that are not there.
// @ts-expect-error
export const misspelt: Order = { plan: "VDS-1", period_month: 1, customer: "c-17" };
// @ts-expect-error
export type NoRoute = paths["/v1/no-such-address"];
// @ts-expect-error
export const noStage: Schemas["Stage"] = "somewhere";
