// What an integrator writes with the types that openapi-typescript makes.
import createClient from "openapi-fetch";
import { apiSecret, baseUrl, check, safeFetch } from "./environment.js";
import type { paths } from "./schema.js";

const client = createClient<paths>({ baseUrl, fetch: safeFetch, headers: { "Api-Secret": apiSecret } });
const email = "openapi_fetch@example.com";

const saved = await client.POST("/api/v1/crm/fans", { body: { email, is_subscribed: true } });
check(saved.data !== undefined, saved.error);

const query = { name: email, fan_is_subscribed: true, limit: 10 };
const page = await client.GET("/api/v1/crm/fans", { params: { query } });
check(page.data?.data.length === 1 && page.data.data[0]?.fan_id === saved.data.fan_id, page);
