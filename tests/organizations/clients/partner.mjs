// A partner's backend as the guide describes it, in Node: the same story as partner.py, with fetch.

const { STICKER_API_URL: baseUrl, STICKER_API_KEY: apiKey } = process.env;

async function post(path, body, headers = {}) {
  const response = await fetch(`${baseUrl}${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: await response.json() };
}

async function setUp(userId, firstName) {
  const address = { line1: "1 Market Street", city: "San Francisco", province: "California", postalCode: "94105" };
  const { status, answer } = await post("/v1/organizations/setup", {
    internalOrgId: "acme-7",
    organizationName: "Acme Dental",
    internalUserId: userId,
    user: { firstName, lastName: "Meyer", email: `${userId}@acme.example`, phoneNumber: "" },
    userAddress: address,
    shippingLocations: [address],
    billingAddress: address,
  });
  if (status !== 201 && status !== 409) {
    throw new Error(`setup failed with ${status}: ${JSON.stringify(answer)}`);
  }
  return { status, organization: answer.organizationId, profile: answer.profileId };
}

async function setUpOlder(headers) {
  const { status, answer } = await post(
    "/v1/partner/organization-setup",
    {
      partner_org_id: "acme-7",
      organization: {
        name: "Acme Dental Group",
        email: "office@acme.example",
        addresses: [{ line1: "1 Market Street", city: "San Francisco", state: "CA", zip: "94105" }],
      },
      users: [{ email: "pat@acme.example", first_name: "Pat", last_name: "Meyer", role: "admin" }],
    },
    headers,
  );
  return { status, action: answer.action, organization: answer.profile.id };
}

const report = {
  first: await setUp("user-1", "Kim"),
  again: await setUp("user-1", "Kim"),
  second: await setUp("user-2", "Lee"),
  older: await setUpOlder(),
  older_once: await setUpOlder({ "Idempotency-Key": "acme-7-import" }),
  wrong: (await post("/v1/organizations/setup", {})).answer.code,
  wrong_key: (await post("/v1/organizations/setup", {}, { Authorization: `Bearer ${apiKey.slice(0, -1)}` })).answer.code,
};
console.log(JSON.stringify(report));
