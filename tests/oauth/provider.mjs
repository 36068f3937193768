// An OAuth 2.0 authorization server that nobody here wrote (npm oidc-provider), for tests/daemon.rs: what it refuses, our
// stand-in was not bent to allow. It speaks plain OAuth, not Zoho's dialect: no api_domain, `Bearer`, errors with 400.
//
//   PORT=0 ROTATE=0 AT_TTL=3600 node provider.mjs
//
//   PORT    on loopback; 0: any free one
//   ROTATE  1: every refresh yields a new refresh token, and a second use of an old one ends the whole grant
//   AT_TTL  life of an access token in seconds
//   REDIRECT_URI  where its login and consent pages send a browser back to; without it there are no pages
//
// Prints one line of JSON when it is ready, {issuer, pid, client_id, client_secret, scope, refresh_token}, and ends when
// its standard input does, so that a test cannot leave it behind. It keeps nothing. Beside its own endpoints
// (/token, /token/revocation, and /token/introspection, which says whether an access token is active):
//
//   POST /_refresh-tokens   one more, of a grant of its own: {refresh_token}
//   GET  /_posts            calls of /token so far, the refused ones too: {posts}
import http from 'node:http';
import { once } from 'node:events';
import { Provider } from 'oidc-provider';

const CLIENT = { client_id: 'sync', client_secret: 's3cret' };
const SCOPE = 'ZohoCRM.modules.ALL';
const ACCOUNT = 'admin';
const DAY_S = 86_400;

// Its notices would follow the one line of JSON, into a pipe that nobody reads any more.
console.info = console.error;

const { PORT = '0', ROTATE = '0', AT_TTL = '3600', REDIRECT_URI } = process.env;
const server = http.createServer();
server.listen(Number(PORT), '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    ...CLIENT,
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types: ['code'],
    redirect_uris: [REDIRECT_URI ?? 'http://127.0.0.1/callback'],
    token_endpoint_auth_method: 'client_secret_post', // As Zoho: id and secret in the body.
  }],
  scopes: ['openid', 'offline_access', SCOPE], // Without the second it knows no refresh tokens.
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: REDIRECT_URI !== undefined }, // Else no pages: the consent below needs no browser.
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  // As Zoho's consent page with `access_type=offline`, which this one does not know.
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  pkce: { required: () => REDIRECT_URI !== undefined },
  rotateRefreshToken: ROTATE === '1',
  ttl: {
    AccessToken: Number(AT_TTL), ClientCredentials: Number(AT_TTL), Grant: DAY_S, Interaction: 600, RefreshToken: DAY_S,
    Session: DAY_S,
  },
});

/** A refresh token as if a person had consented: the provider's own models, saved by its own code. */
async function newRefreshToken() {
  const grant = new provider.Grant({ accountId: ACCOUNT, clientId: CLIENT.client_id });
  grant.addOIDCScope(SCOPE);
  const now = Math.floor(Date.now() / 1000);
  const refreshToken = new provider.RefreshToken({
    accountId: ACCOUNT,
    authTime: now,
    client: await provider.Client.find(CLIENT.client_id),
    grantId: await grant.save(),
    gty: 'authorization_code',
    iiat: now, // Of the first token of a rotating chain, whose age this is.
    rotations: 0,
    scope: SCOPE,
  });
  return refreshToken.save();
}

let posts = 0;
provider.use(async (ctx, next) => {
  const call = `${ctx.method} ${ctx.path}`;
  if (call === 'POST /token') posts += 1;
  if (call === 'GET /_posts') ctx.body = { posts };
  else if (call === 'POST /_refresh-tokens') ctx.body = { refresh_token: await newRefreshToken() };
  else await next();
});
provider.on('server_error', (_ctx, err) => console.error(err));

server.on('request', provider.callback());
process.stdin.on('end', () => process.exit()).resume();
const ready = { issuer, pid: process.pid, ...CLIENT, scope: SCOPE, refresh_token: await newRefreshToken() };
console.log(JSON.stringify(ready));
