// Reads all leads of an org with Zoho's Node SDK (@zohocrm/nodejs-sdk-8.0) and tokens of zoho-tokend.
//
//     node sdk_job.mjs acme-production

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as zoho from "@zohocrm/nodejs-sdk-8.0";
import * as tokend from "./tokend.mjs";

const { GetRecordsParam, RecordOperations } = zoho.Record;

/**
 * The hook: the SDK calls `authenticate` for every request, and each one gets the token of that moment.
 *
 * It has to be an OAuthToken with a user: the SDK names its notes after that, or after a part of the access token.
 */
class TokendToken extends zoho.OAuthToken {
  constructor(org) {
    super();
    this.org = org;
    this.setUserSignature(new zoho.UserSignature(org));
  }

  async authenticate(connection) {
    const { access_token } = await tokend.token(this.org);
    connection.addHeader("Authorization", `Zoho-oauthtoken ${access_token}`);
  }

  async generateToken() {} // Not the SDK's business.
}

/** The SDK notes the fields of modules in `folder`: one for each org, and one that lasts saves those calls. */
async function initialize(org, folder) {
  const { api_domain } = await tokend.token(org);
  const builder = await new zoho.InitializeBuilder();
  await builder
    // No accounts server: the SDK refreshes nothing. For file uploads the third is Zoho's content host.
    .environment(new zoho.Environment(api_domain, null, null))
    .token(new TokendToken(org))
    // Keeps nothing. Left to itself the SDK puts a sdk_tokens.txt beside node_modules.
    .store(new zoho.TokenStore.TokenStore())
    .SDKConfig(new zoho.SDKConfigBuilder().timeout(60_000).build())
    .resourcePath(folder)
    .initialize();
}

/** Zoho's API says no. */
class Refused extends Error {
  constructor(code, message) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** What `operation` of the SDK answers; repeated once, with a new token, where Zoho refused the old one. */
async function call(org, operation) {
  const { generation } = await tokend.token(org);
  try {
    return await callOnce(operation);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    await tokend.replace(org, generation, error.code);
    return callOnce(operation);
  }
}

/** The SDK returns most refusals, and throws those of its own calls. */
async function callOnce(operation) {
  let response;
  try {
    response = await operation();
  } catch (error) {
    if (typeof error.details?.code === "string") throw new Refused(error.details.code, error.details.message);
    throw error.cause ?? error;
  }
  const answer = response.getObject();
  if (answer instanceof zoho.Record.APIException) {
    throw new Refused(answer.getCode().getValue(), answer.getMessage());
  }
  return answer;
}

/** Every lead, page by page, for however many tokens that takes. */
async function* leads(org) {
  for (let pageToken = null; ; ) {
    const parameters = new zoho.ParameterMap(); // a new one: a second `add` of a parameter would join the two values
    await parameters.add(GetRecordsParam.FIELDS, "Last_Name,Company");
    if (pageToken) await parameters.add(GetRecordsParam.PAGE_TOKEN, pageToken);
    const page = await call(org, () => new RecordOperations("Leads").getRecords(parameters, new zoho.HeaderMap()));
    if (page === null) return; // 204: there are none
    yield* page.getData();
    if (!page.getInfo().getMoreRecords()) return;
    pageToken = page.getInfo().getNextPageToken();
  }
}

const org = process.argv[2];
const folder = await mkdtemp(join(tmpdir(), "zoho-"));
try {
  await initialize(org, folder);
  for await (const lead of leads(org)) {
    console.log(`${lead.getId()}\t${lead.getKeyValue("Last_Name")}`);
  }
} catch (error) {
  if (!(error instanceof tokend.NoToken || error instanceof Refused)) throw error;
  console.error(`${process.argv[1]}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true });
}
