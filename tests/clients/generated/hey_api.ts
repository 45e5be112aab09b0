// What an integrator writes with the client that @hey-api/openapi-ts makes.
import { client } from "./client/client.gen.js";
import { crmFansCreate, crmFansSearch } from "./client/index.js";
import { apiKey, apiSecret, baseUrl, check, safeFetch } from "./environment.js";

client.setConfig({
  baseUrl,
  fetch: safeFetch,
  auth: (scheme) => (scheme.name === "Api-Secret" ? apiSecret : apiKey),
});
const email = "hey_api@example.com";

const saved = await crmFansCreate({ body: { email, is_subscribed: true } });
check(saved.data !== undefined, saved.error);

const page = await crmFansSearch({ query: { name: email, fan_is_subscribed: true, limit: 10 } });
check(page.data?.data.length === 1 && page.data.data[0]?.fan_id === saved.data.fan_id, page);
