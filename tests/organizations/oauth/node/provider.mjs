// A real provider: refresh tokens rotate, and one that comes twice ends its grant. Whoever signs in agrees at once.
import http from "node:http";
import Provider from "oidc-provider";

const { PORT, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, ACCESS_SECONDS } = process.env;
const issuer = `http://127.0.0.1:${PORT}`;
let document = {};

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [REDIRECT_URI],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_context, interaction) => `/agree/${interaction.uid}` },
  issueRefreshToken: async () => true,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { AccessToken: Number(ACCESS_SECONDS ?? 3600) },
});

/** Sign in and agree, without asking anybody. */
async function agree(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: "ada", clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { login: { accountId: "ada" }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

/** The organization's data, for whoever brings a token that is alive. */
async function data(request, response) {
  const token = await provider.AccessToken.find((request.headers.authorization ?? "").replace(/^Bearer /, ""));
  response.writeHead(token?.isValid ? 200 : 401, { "Content-Type": "application/json" });
  response.end(JSON.stringify(token?.isValid ? document : { error: "invalid_token" }));
}

/** What the tests set the data to. */
function set(request, response) {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    document = JSON.parse(Buffer.concat(parts));
    response.end();
  });
}

const serve = provider.callback();
const server = http.createServer((request, response) => {
  if (request.url.startsWith("/agree/")) return agree(request, response);
  if (request.url.startsWith("/organizations/")) return request.method === "PUT" ? set(request, response) : data(request, response);
  return serve(request, response);
});
server.listen(Number(PORT), "127.0.0.1", () => console.log("Providing"));
