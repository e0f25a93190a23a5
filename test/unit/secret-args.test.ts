import { expect } from "chai";
import { looksLikeSecret, refuseSecretArgs } from "../../ci-server/core/secret-args.ts";

const secret = `TOKEN NPM_TOKEN npmToken GITHUB_TOKEN_2 AUTHTOKEN PASSWORD DB_PASSWORD dbPassword MYSQLPASSWORD DB_PASS MYSQL_PWD
  REDIS_PASSWD SSH_PASSPHRASE SECRET CLIENT_SECRET APP_SECRETS KEY API_KEY apiKey APIKEY AWS_SECRET_ACCESS_KEY PRIVATE_KEY SSH_KEY
  SIGNING_KEY PRIVATE_KEY_BASE64 GOOGLE_CREDENTIALS_JSON API_KEYS DEPLOYKEY`;
const open = `NODE_ENV PUBLIC_KEY PUBLIC_KEY_URL publicKey TOKEN_URL TOKENIZER MAX_TOKENS PASSWORD_MIN_LENGTH SECRET_NAME KEY_ID
  AWS_ACCESS_KEY_ID KEYCLOAK_URL MONKEY CACHE_KEY KEYBOARD PASSENGER COMPASS PWD PASS_THROUGH VERSION HTTP_PROXY GIT_SHA JSON VALUE`;

describe("arguments that look like secrets", () => {
  for (const name of secret.split(/\s+/))
    it(`T23: are refused: ${name}`, () => expect(looksLikeSecret(name)).to.equal(true));
  for (const name of open.split(/\s+/))
    it(`pass when they are none: ${name}`, () => expect(looksLikeSecret(name)).to.equal(false));

  it("T23: are named in the refusal, with what to do and without their values", () => {
    const refuse = () => refuseSecretArgs({ NODE_ENV: "production", NPM_TOKEN: "hush-1", API_KEY: "hush-2" });
    expect(refuse).to.throw("args: NPM_TOKEN, API_KEY would stand in the image").with.property("code", "invalid");
    expect(refuse).to.throw('one of "secrets"').with.property("message").not.contain("hush");
    expect(() => refuseSecretArgs({ NODE_ENV: "production" })).not.to.throw();
    const known = {
      kind: "secret",
      hint: 'move NPM_TOKEN, API_KEY from the image\'s "args" to its "secrets", and give the file in mergedock.yml',
    };
    expect(refuse).to.throw().with.nested.property("details.failure").deep.equal(known);
  });
});
