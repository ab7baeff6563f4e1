// The certified OpenID provider, on loopback: `node server.js REDIRECT_URI…` prints its issuer when it answers.
// Any login with any password signs in; the development interaction pages ask for it.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const signing = (kid, alg, type, options) => {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: "jwk" }), kid, alg, use: "sig" };
};

const keys = [
  signing("r", "RS256", "rsa", { modulusLength: 2048 }),
  signing("p", "PS256", "rsa", { modulusLength: 2048 }),
  signing("e", "ES256", "ec", { namedCurve: "P-256" }),
  signing("d", "EdDSA", "ed25519", {}),
];

const redirect_uris = process.argv.slice(2);
const client = (alg, token_endpoint_auth_method) => ({
  client_id: `steelyard-${alg}`,
  client_secret: "a secret: + / %",
  redirect_uris,
  id_token_signed_response_alg: alg,
  token_endpoint_auth_method,
});

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      client("RS256", "client_secret_basic"),
      client("PS256", "client_secret_post"),
      client("ES256", "client_secret_basic"),
      { ...client("EdDSA", "none"), client_secret: undefined },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: false,
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, email: `${sub}@example.org`, email_verified: true, name: `The ${sub}` }),
    }),
    pkce: { required: () => true },
    cookies: { keys: ["only for tests"] },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
