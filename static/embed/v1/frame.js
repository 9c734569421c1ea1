/*
 * The embed page's script: takes the one-time token out of the address, redeems it, and keeps the session alive
 * until somebody ends it. Secrets stay in this closure; the parent page is told states, never credentials.
 */
(() => {
  'use strict';

  const RETRY_WAITS = [0.4, 1, 2]; // seconds between tries
  const ANSWER_WITHIN = 3; // seconds; the last try still starts within the 15 s in which a redeem_id may be repeated
  const HEARTBEAT = 60; // seconds
  const WARN_BEFORE = 120; // seconds before the end of the session
  const CODES = {
    expired: 'SESSION_TOKEN_EXPIRED', ended: 'SESSION_TOKEN_EXPIRED', busy: 'RATE_LIMIT_EXCEEDED',
    unavailable: 'SERVICE_UNAVAILABLE', offline: 'NETWORK_OFFLINE', refused: 'REQUEST_REFUSED',
  };
  const WORDS = {
    expired: ['This link is no longer valid', 'A sign-in link works once, and only for a few minutes. A new one comes from the site you came from.', 'Ask for a new link'],
    ended: ['Your session has ended', 'It ran out, or it was closed for you. The site you came from can open it again.', 'Open it again'],
    busy: ['Too many attempts', 'Please wait a moment before the next one.', 'Try again'],
    unavailable: ['The service does not answer', 'Nothing has been lost. Please try again in a moment.', 'Try again'],
    offline: ['You are offline', 'This goes on by itself as soon as you are connected.', 'Try again'],
    refused: ['This could not be opened', 'The service refused the request. If it happens again, tell the site you came from and give the reference below.', 'Try again'],
  };

  const root = document.documentElement;
  const page = root.dataset;
  const origins = page.origins.split(/\s+/).filter(Boolean);
  const isFramed = window.parent !== window;
  const find = (id) => document.getElementById(id);
  const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
  const clock = () => performance.now() / 1000; // monotonic seconds

  let token = takeToken();
  let redeemId = randomId();
  let accessToken = null; // for the calls of whatever is built into this page; never leaves it
  let session = null;
  let failure = null;
  let queue = Promise.resolve();
  let lastTick = null;

  /** Read the token from the fragment or the query, and leave an address (and history entry) without it. */
  function takeToken() {
    const here = new URL(location.href);
    const fragment = new URLSearchParams(here.hash.slice(1));
    const found = fragment.get('session_key') || here.searchParams.get('session_key');
    if (fragment.has('session_key') || here.searchParams.has('session_key')) {
      here.searchParams.delete('session_key');
      history.replaceState(null, '', here.pathname + here.search);
    }
    return found;
  }

  function randomId() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  // --- the parent page -------------------------------------------------------------------------------------------

  function parentOrigins() {
    const nearest = location.ancestorOrigins && location.ancestorOrigins[0];
    return origins.includes(nearest) ? [nearest] : origins;
  }

  function tell(type, detail) {
    if (!isFramed) return;
    for (const origin of parentOrigins()) window.parent.postMessage({ ...detail, type: `sticker:${type}` }, origin);
  }

  function hear(event) {
    if (!isFramed || event.source !== window.parent || !origins.includes(event.origin) || !event.data) return;
    if (event.data.type === 'sticker:logout') logOut();
    if (event.data.type === 'sticker:theme') setTheme(event.data.theme);
  }

  // --- calls -----------------------------------------------------------------------------------------------------

  class Failure extends Error {
    constructor(kind, answer = {}) {
      super(kind);
      Object.assign(this, { kind, wait: answer.wait, reference: answer.reference });
    }
  }

  function failureOf(answer) {
    if (!answer) return new Failure(navigator.onLine === false ? 'offline' : 'unavailable');
    if (answer.status === 401) return new Failure(session ? 'ended' : 'expired', answer);
    if (answer.status === 429) return new Failure('busy', answer);
    return new Failure(answer.status >= 500 ? 'unavailable' : 'refused', answer);
  }

  async function send(method, path, body) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), ANSWER_WITHIN * 1000);
    const headers = { Accept: 'application/json', 'X-Sticker-Embed': '1', 'X-Sticker-Partner': page.partner, 'X-Sticker-Environment': page.environment };
    if (body) headers['Content-Type'] = 'application/json';
    try {
      const reply = await fetch(`/v1/sessions/${path}`, { method, headers, body: body && JSON.stringify(body), credentials: 'same-origin', cache: 'no-store', signal: abort.signal });
      const data = await reply.json().catch(() => ({}));
      const wait = Number(reply.headers.get('Retry-After') || data.retry_after) || 0;
      return { ok: reply.ok, status: reply.status, data, wait, reference: reply.headers.get('X-Request-ID') || data.request_id };
    } catch {
      return null; // no answer: offline, cut off or too slow
    } finally {
      clearTimeout(timer);
    }
  }

  /** Send until there is a definite answer; repeating is safe for every call of this page. */
  async function call(method, path, body) {
    let answer = await send(method, path, body);
    for (const seconds of RETRY_WAITS) {
      if (answer && answer.status < 500) break;
      await pause(Math.max(seconds, Math.min((answer && answer.wait) || 0, 4)) * (1 + Math.random() / 4));
      answer = await send(method, path, body);
    }
    if (!answer || !answer.ok) throw failureOf(answer);
    return answer.data;
  }

  /** Calls that speak for the session go one after the other, so that a handle is never used beside its successor. */
  function inTurn(work) {
    const turn = queue.then(work);
    queue = turn.catch(() => {});
    return turn;
  }

  function withHandle(body) {
    return session && session.handle ? { ...body, refresh_handle: session.handle } : body;
  }

  // --- opening ---------------------------------------------------------------------------------------------------

  async function redeem() {
    if (!/^[0-9a-f]{64}$/.test(token)) throw new Failure('expired'); // cut off while it was copied
    const body = { session_key: token, partner_id: page.partner, redeem_id: redeemId, environment: page.environment };
    const redeemed = await call('POST', 'redeem', body);
    if (await keepsCookie(redeemed.session.id)) return redeemed;
    return call('POST', 'redeem', { ...body, mode: 'memory' });
  }

  /** Ask with the cookie alone: what a browser does with a partitioned cookie is found out, never guessed. */
  async function keepsCookie(sessionId) {
    try {
      const current = await call('GET', 'current');
      return current.session.id === sessionId;
    } catch (error) {
      if (error.kind === 'expired') return false;
      throw error;
    }
  }

  async function resume() {
    const current = await call('GET', 'current');
    return { ...current, ...(await call('POST', 'refresh', {})) };
  }

  async function open() {
    failure = null;
    show('loading');
    try {
      adopt(await (token ? redeem() : resume()));
    } catch (error) {
      fail(error);
    }
  }

  function adopt(answer) {
    session = { id: answer.session.id, handle: answer.refresh_handle, idle: answer.session.idle_seconds, warned: false };
    token = null;
    learn(answer);
    paintPerson(answer.profile);
    show('open');
    tell('ready', { session_id: session.id, expires_in: Math.round(session.endsAt - clock()), idle_seconds: session.idle, storage: session.handle ? 'memory' : 'cookie' });
    tick();
  }

  // --- staying alive ---------------------------------------------------------------------------------------------

  /** Take over what an answer says about times; all of it in seconds from now, on the monotonic clock. */
  function learn(answer) {
    const now = clock();
    if (answer.access_token) {
      accessToken = answer.access_token;
      session.refreshAt = now + Math.max(answer.expires_in * 0.8 - Math.random() * 5, 5);
      if (answer.refresh_handle) session.handle = answer.refresh_handle;
    }
    session.endsAt = now + answer.session.expires_in;
    session.idleAt = now + answer.session.idle_seconds;
    session.beatAt = now + HEARTBEAT * (0.9 + Math.random() * 0.2);
    if (untilEnd() > warnBefore()) session.warned = false;
  }

  const untilEnd = () => Math.min(session.endsAt, session.idleAt) - clock();
  const warnBefore = () => Math.min(WARN_BEFORE, session.idle / 3);

  /** Look at all deadlines; called each second and whenever the page comes back from somewhere. */
  function tick() {
    const slept = wokeUp();
    if (!session) return;
    const now = clock();
    const isSeen = !document.hidden; // a page nobody looks at is idle
    if (slept || untilEnd() <= 0 || (isSeen && now >= session.beatAt)) keepAlive('heartbeat', 'beatAt');
    else if (isSeen && now >= session.refreshAt) keepAlive('refresh', 'refreshAt');
    warn();
    paintTimes();
  }

  /** Some browsers stop the monotonic clock while the device sleeps; the wall clock only serves to notice that. */
  function wokeUp() {
    const now = { steady: clock(), wall: Date.now() / 1000 };
    const gap = lastTick ? now.wall - lastTick.wall - (now.steady - lastTick.steady) : 0;
    lastTick = now;
    return gap > 5;
  }

  function keepAlive(path, due) {
    if (session.isCalling) return;
    const mine = session;
    mine.isCalling = true;
    inTurn(() => call('POST', path, withHandle({})))
      .then((answer) => { if (session === mine) follow(answer); })
      .catch((error) => { if (session === mine) outlive(error, due); })
      .finally(() => { mine.isCalling = false; });
  }

  /** Another tab may have signed in anew, and with it changed the cookie: then this frame shows that session too. */
  function follow(answer) {
    if (answer.session.id === session.id) { learn(answer); return; }
    forget();
    open();
  }

  /** A session outlives a call that got no answer, until its own end; a refusal ends it. */
  function outlive(error, due) {
    if (error.kind === 'ended' || untilEnd() <= 0) fail(error.kind === 'ended' ? error : new Failure('ended'));
    else session[due] = clock() + 10;
  }

  function warn() {
    if (session.warned || untilEnd() > warnBefore()) return;
    session.warned = true;
    tell('session_expiring', { session_id: session.id, expires_in: Math.max(Math.round(untilEnd()), 0) });
  }

  function comeBack() {
    if (failure && failure.kind === 'offline') open();
    if (session && !document.hidden && clock() > session.beatAt - HEARTBEAT * 0.8) session.beatAt = 0;
    tick();
  }

  // --- leaving ---------------------------------------------------------------------------------------------------

  async function logOut() {
    if (!session) return;
    find('logout').disabled = true;
    try {
      await inTurn(() => call('POST', 'logout', withHandle({})));
      closed();
      neighbours('logout');
    } catch (error) {
      if (error.kind === 'ended') fail(error);
      else find('note').textContent = 'Not logged out: the service does not answer. Please try again.';
    }
    find('logout').disabled = false;
  }

  function forget() {
    session = null;
    accessToken = null;
    token = null;
  }

  function closed() {
    const hadFocus = document.hasFocus();
    const id = session && session.id;
    forget();
    show('closed', hadFocus);
    tell('session_ended', { session_id: id, reason: 'logout' });
  }

  /** Other frames of this partner in the same browser share the cookie: a logout is theirs too, not a failure. */
  const neighbours = (() => {
    if (typeof BroadcastChannel !== 'function') return () => {};
    try {
      const channel = new BroadcastChannel(`sticker:${page.environment}:${page.partner}`);
      channel.onmessage = () => { if (session && !session.handle) closed(); };
      return (word) => channel.postMessage(word);
    } catch {
      return () => {}; // storage is closed to this frame
    }
  })();

  // --- what is seen ----------------------------------------------------------------------------------------------

  function show(state, takeFocus) {
    for (const panel of document.querySelectorAll('[data-state]')) panel.hidden = panel.dataset.state !== state;
    document.title = { loading: 'Signing in', open: 'Signed in', closed: 'Logged out', problem: 'Problem' }[state] + ' · Sticker';
    if (takeFocus) document.querySelector(`[data-state="${state}"] h1`).focus();
  }

  function fail(error) {
    const hadFocus = document.hasFocus() && document.activeElement !== document.body;
    failure = error instanceof Failure ? error : new Failure('refused');
    if (failure !== error) console.error(error);
    if (failure.kind === 'ended' || failure.kind === 'expired') forget();
    const [title, text, action] = WORDS[failure.kind];
    show('problem', hadFocus);
    find('problem-title').textContent = title;
    find('problem-text').textContent = text;
    find('reference').textContent = failure.reference ? `Reference ${failure.reference}` : '';
    find('reference').hidden = !failure.reference;
    offerAgain(action, failure.wait || 0);
    if (CODES[failure.kind]) tell('error', { code: CODES[failure.kind], message: title, ...(failure.wait && { retry_after: failure.wait }) });
  }

  async function offerAgain(action, wait) {
    const button = find('again');
    const mine = failure;
    button.hidden = needsLink() && !isFramed;
    button.disabled = wait > 0;
    for (let left = Math.ceil(wait); left > 0 && failure === mine; left -= 1) {
      button.textContent = `${action} in ${left} s`;
      await pause(1);
    }
    if (failure !== mine) return;
    button.textContent = action;
    button.disabled = false;
  }

  const needsLink = () => failure.kind === 'expired' || failure.kind === 'ended';

  /** A new link only comes from the parent's backend; anything else is worth another try with what we hold. */
  function again() {
    if (!needsLink()) { open(); return; }
    find('again').disabled = true;
    setTimeout(() => { find('again').disabled = false; }, 3000);
    tell('error', { code: CODES.expired, message: WORDS[failure.kind][0], requested: true });
  }

  function paintPerson(person) {
    const name = [person.first_name, person.last_name].filter(Boolean).join(' ') || person.email;
    find('open-title').textContent = name;
    find('email').textContent = person.email;
    find('initials').textContent = [...name.matchAll(/(?:^|\s)(\S)/gu)].slice(0, 2).map((match) => match[1]).join('').toUpperCase();
    find('opener').textContent = isFramed && parentOrigins().length ? new URL(parentOrigins()[0]).host : 'this address';
    find('storage').textContent = session.handle ? 'this page only, until it is reloaded' : 'a cookie for this site only';
  }

  function paintTimes() {
    if (!session) return;
    const left = Math.max(untilEnd(), 0);
    write('ends', `in ${duration(session.endsAt - clock())}`);
    write('idle', `ends after ${duration(session.idle)}`);
    find('expiring').hidden = left > warnBefore();
    if (left <= warnBefore()) write('expiring', left > 60 ? `Your session ends in ${Math.ceil(left / 60)} minutes.` : 'Your session ends in less than a minute.');
  }

  function write(id, text) {
    if (find(id).textContent !== text) find(id).textContent = text;
  }

  function duration(seconds) {
    const whole = Math.max(Math.ceil(seconds), 0);
    if (whole < 120) return `${whole} s`;
    if (whole < 7200) return `${Math.ceil(whole / 60)} min`;
    return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  }

  // --- theme, height, links --------------------------------------------------------------------------------------

  const dark = matchMedia('(prefers-color-scheme: dark)');
  let theme = page.theme;

  function setTheme(wanted) {
    theme = wanted;
    page.theme = wanted === 'dark' || wanted === 'light' ? wanted : dark.matches ? 'dark' : 'light';
  }

  function watchHeight() {
    const report = () => {
      if (innerWidth < 160) return; // folded away by the parent: a height at no width means nothing
      tell('height', { height: Math.ceil(find('page').getBoundingClientRect().height) });
    };
    if (typeof ResizeObserver === 'function') new ResizeObserver(report).observe(find('page'));
    else report();
  }

  function wireReturn() {
    const link = find('return');
    if (!link) return;
    const target = new URL(page.return, parentOrigins()[0] || location.origin);
    if (!origins.includes(target.origin)) { link.remove(); return; }
    link.href = target.href;
    link.addEventListener('click', () => tell('navigation', { url: target.href }));
  }

  const SAMPLES = {
    cart: () => tell('cart_updated', { sample: true, items: 2, total_minor: 4850, currency: 'USD' }),
    order: () => tell('order_complete', { sample: true, order_id: 'sample-1', total_minor: 4850, currency: 'USD' }),
    navigation: () => tell('navigation', { sample: true, url: '/sample/page' }),
  };

  function wire() {
    find('logout').addEventListener('click', logOut);
    find('again').addEventListener('click', again);
    for (const button of document.querySelectorAll('[data-sample]')) button.addEventListener('click', SAMPLES[button.dataset.sample]);
    window.addEventListener('online', comeBack);
    window.addEventListener('pageshow', comeBack);
    document.addEventListener('visibilitychange', comeBack);
    window.addEventListener('hashchange', useNewLink);
    setInterval(tick, 1000);
  }

  /** The parent may hand over a new link by changing only the fragment, which loads nothing. */
  function useNewLink() {
    const found = takeToken();
    if (!found) return;
    forget();
    token = found;
    redeemId = randomId();
    open();
  }

  function start() {
    wire();
    wireReturn();
    watchHeight();
    // What is only prerendered must not use the link up; it waits until somebody looks at it.
    if (document.prerendering) document.addEventListener('prerenderingchange', open, { once: true });
    else open();
  }

  root.classList.add('scripted');
  setTheme(theme);
  dark.addEventListener('change', () => setTheme(theme));
  window.addEventListener('message', hear);
  document.addEventListener('DOMContentLoaded', start);
})();
