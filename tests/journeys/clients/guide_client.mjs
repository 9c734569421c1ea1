// A partner's backend as the integration guides describe it, in Node with nothing but its own fetch.
// Environment: STICKER_API_URL and STICKER_API_KEY. Argument: which of the guides' headers carries the key.
const { STICKER_API_URL: url, STICKER_API_KEY: key } = process.env;

const headers = {
  bearer: { Authorization: `Bearer ${key}` },
  scheme: { Authorization: `ApiKey ${key}` },
  'x-api-key': { 'X-API-Key': key },
  'x-stash-api-key': { 'X-Stash-Api-Key': key },
  apikey: { ApiKey: key },
}[process.argv[2]];

async function post(path, payload) {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(payload),
  });
  return [response, await response.json()];
}

async function setup() {
  const [response, data] = await post('/v1/organizations/setup', {
    internalOrgId: 'clinic-7',
    organizationName: 'Harbor Clinic',
    internalUserId: 'nurse-7',
    user: { firstName: 'Mia', lastName: 'Olsen', email: 'mia@harbor.example', phoneNumber: '' },
    userAddress: null,
    someFieldOfOurOwn: { kept: false },
  });
  if (!response.ok && response.status !== 409) throw new Error(data.message);
  return data.profileId;
}

async function handshake(payload) {
  const [response, data] = await post('/v1/partner/handshake', payload);
  if (!response.ok || !data.success) throw new Error(data.message);
  return data;
}

const first = await setup();
const again = await setup();
const session = await handshake({ internal_user_id: 'nurse-7' });
const byProfile = await handshake({ profile_id: first });
const [, unknown] = await post('/v1/partner/handshake', { internal_user_id: 'nobody' });
process.stdout.write(JSON.stringify({
  same_profile: new Set([first, again, session.profile.id, byProfile.profile.id]).size === 1,
  iframe_src: `${session.iframe_url}?session_key=${session.session_key}`,
  ready_made_src: byProfile.iframe_embed_url,
  expires_in: session.expires_in,
  is_used: session.is_used,
  unknown: unknown.code,
}));
