// A service in Node that logs fans in and reads them, over 32 sockets that are kept alive.
//   node node_login.mjs BASE_URL API_KEY EMAIL,EMAIL,… PASSWORD COUNT
// It prints what it got as JSON.
import http from 'node:http';

const [baseUrl, apiKey, emails, password, count] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
const sockets = new Set();

function call(method, path, form) {
  const query = new URLSearchParams({ api_key: apiKey }).toString();
  const body = form ? new URLSearchParams(form).toString() : undefined;
  const headers = body ? { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': body.length } : {};
  return new Promise((resolve, reject) => {
    const request = http.request(`${baseUrl}${path}?${query}`, { method, agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => { text += part; });
      response.on('end', () => resolve({ status: response.statusCode, json: JSON.parse(text), headers: response.headers }));
    });
    request.on('socket', (socket) => sockets.add(socket));
    request.on('error', reject);
    request.end(body);
  });
}

async function login(email) {
  for (;;) {
    const answer = await call('POST', '/api/v1/sessions/connect', { network: 'email', email, password });
    // A busy machine has no turn to hash the password within ten seconds.
    if (answer.status !== 503) return answer;
    await new Promise((resolve) => { setTimeout(resolve, 1000 * Number(answer.headers['retry-after'])); });
  }
}

const fans = emails.split(',');
const results = await Promise.all(Array.from({ length: Number(count) }, async (_, number) => {
  const email = fans[number % fans.length];
  const session = await login(email);
  if (session.status !== 200) return session;
  const fan = await call('GET', `/api/v1/sessions/${session.json.session_uid}/fan`);
  return { status: fan.status, email, session: session.json, fan: fan.json };
}));
agent.destroy();
console.log(JSON.stringify({ sockets: sockets.size, results }));
