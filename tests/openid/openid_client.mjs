// An ordinary client of OpenID Connect in Node, with the certified library openid-client.
//   node openid_client.mjs ISSUER CLIENT_ID CLIENT_SECRET REDIRECT_URI COOKIE
// The fan's browser is played here too: it follows the pages, and agrees where it is asked. It prints what it got as JSON.
import * as oidc from 'openid-client';

const [issuer, clientId, clientSecret, redirectUri, cookie] = process.argv.slice(2);
const authentication = clientSecret ? oidc.ClientSecretBasic(clientSecret) : oidc.None();
const config = await oidc.discovery(new URL(issuer), clientId, {}, authentication, { execute: [oidc.allowInsecureRequests] });
const cookies = new Map([cookie.split('=')]);

async function visit(url, form) {
  const headers = { cookie: [...cookies].map((pair) => pair.join('=')).join('; '), 'accept-language': 'en' };
  const response = await fetch(url, { method: form ? 'POST' : 'GET', body: form, headers, redirect: 'manual' });
  for (const each of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(each);
    cookies.set(name, value);
  }
  return response;
}

const unescaped = (text) => text.replaceAll('&amp;', '&').replaceAll('&#34;', '"');

async function comeBack(url) {
  let response = await visit(url);
  for (;;) {
    const text = await response.text();
    const target = response.headers.get('location') ?? /http-equiv="refresh" content="0; url=([^"]+)"/.exec(text)?.[1];
    if (target) {
      const next = new URL(unescaped(target), url);
      if (next.href.startsWith(redirectUri)) return next;
      response = await visit(next);
    } else {
      const fields = [...text.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)];
      const form = new URLSearchParams(fields.map(([, name, value]) => [name, unescaped(value)]));
      form.set('decision', 'allow');
      response = await visit(new URL(/action="([^"]+)"/.exec(text)[1], url), form);
    }
  }
}

async function login() {
  const codeVerifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile email offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  return oidc.authorizationCodeGrant(config, await comeBack(url), {
    pkceCodeVerifier: codeVerifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
  });
}

const first = await login();
const claims = first.claims();
const info = await oidc.fetchUserInfo(config, first.access_token, claims.sub);
const refreshed = await oidc.refreshTokenGrant(config, first.refresh_token);
await oidc.tokenRevocation(config, refreshed.refresh_token);
const revoked = await oidc.fetchUserInfo(config, refreshed.access_token, claims.sub).catch((error) => error.code);
const again = await login();
const bye = oidc.buildEndSessionUrl(config, { id_token_hint: again.id_token });
const out = await visit(bye);
console.log(JSON.stringify({ claims, info, refreshed: refreshed.claims(), revoked, again: again.claims().sub, out: out.status }));
