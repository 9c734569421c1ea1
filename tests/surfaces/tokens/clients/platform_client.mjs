// An integration of the platform as its guide describes it, in Node with nothing but its own fetch.
// It signs in, sends the token with the Bearer prefix, fetches a new one on the first 401, and calls the key surfaces
// with the one header they ask for. It prints what it learned as JSON.
const { API_HOST, SHOP, SURFACE_KEY, RESELLER_EMAIL, RESELLER_PASSWORD, CUSTOMER_EMAIL, CUSTOMER_PASSWORD } = process.env;

async function call(path, body, headers = {}) {
  const response = await fetch(API_HOST + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body ?? {}),
  });
  return [response.status, await response.json()];
}

async function generateToken(email, password) {
  const [status, answer] = await call('/Login/Customer/Api/Verify', { Email: email, Password: password }, { 'h-region-code': 'TR' });
  if (status !== 200 || !answer.success) throw new Error(`sign-in failed with ${status}: ${answer.message}`);
  return answer.data.Token;
}

class ResellerApi {
  token = 'none-yet';
  signIns = 0;

  async post(path, body) {
    let [status, answer] = await call(path, body, { Authorization: `Bearer ${this.token}` });
    if (status === 401) {
      this.token = await generateToken(RESELLER_EMAIL, RESELLER_PASSWORD);
      this.signIns += 1;
      [status, answer] = await call(path, body, { Authorization: `Bearer ${this.token}` });
    }
    return [status, answer];
  }
}

const reseller = new ResellerApi();
const orders = [];
for (let turn = 0; turn < 2; turn += 1) {
  const [status] = await reseller.post('/Orders/Create', { items: [{ sku: 'STK-001', quantity: 2 }] });
  orders.push(status);
}
const bearer = { Authorization: `Bearer ${reseller.token}` };
const claims = JSON.parse(Buffer.from(reseller.token.split('.')[1], 'base64url').toString());
const login = { Email: CUSTOMER_EMAIL, Password: CUSTOMER_PASSWORD };
const [, signedIn] = await call('/Login/Customer/Verify', login, { 'X-Shop-Handle': SHOP });
const [wrongStatus, wrong] = await call('/Login/Customer/Api/Verify', { Email: RESELLER_EMAIL, Password: 'wrong' });
const statusOf = async (...request) => (await call(...request))[0];
const codeOf = async (...request) => (await call(...request))[1].code;
process.stdout.write(JSON.stringify({
  orders,
  sign_ins: reseller.signIns,
  claims: ['exp', 'scope', 'sub', 'tenant'].filter((name) => name in claims),
  without_prefix: await statusOf('/Orders/Create', {}, { Authorization: reseller.token }),
  wrong_password: [wrongStatus, wrong.success],
  products: await statusOf('/Supplier/Products/List', null, { ApiKey: SURFACE_KEY }),
  in_another_case: await statusOf('/Supplier/Products/List', null, { apikey: SURFACE_KEY }),
  bad_key: [
    await codeOf('/Supplier/Products/List', null, { ApiKey: 'ak_live_nonsense' }),
    await codeOf('/Payment/Payments/Create'),
  ],
  storefront: await statusOf('/Storefront/Products/List', null, { Authorization: `Bearer ${signedIn.data.Token}` }),
  on_the_wrong_surface: await statusOf('/Storefront/Products/List', null, bearer),
  no_scope: await statusOf('/Orders/List', null, bearer),
}));
