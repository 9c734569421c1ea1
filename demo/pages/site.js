/* The demo partner's page: mounts the frame, and shows what the backend did beside what the ledger says. */
(() => {
  'use strict';

  const POLL = 1500; // ms
  const find = (id) => document.getElementById(id);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const shown = new Set(); // rows seen before; only later ones light up
  let choice = 'auto';
  let wantsDeadLink = false;
  let address = '';

  // --- the frame -------------------------------------------------------------------------------------------------

  async function post(path) {
    const reply = await fetch(path, { method: 'POST', headers: { Accept: 'application/json' } });
    const answer = await reply.json();
    poll();
    if (!reply.ok && !answer.status) throw new Error(answer.message);
    return answer;
  }

  async function fetchSession() {
    if (wantsDeadLink) {
      wantsDeadLink = false;
      return { iframe_embed_url: address.replace(/[0-9a-f]{64}/, '0'.repeat(64)) };
    }
    const answer = await post('/api/session');
    if (answer.status !== 200) throw new Error(answer.message || `The handshake answered ${answer.status}.`);
    address = answer.iframe_embed_url;
    return answer;
  }

  const embed = window.Sticker && Sticker.mount(find('embed'), {
    fetchSession,
    category: 'demo',
    returnUrl: '/',
    title: 'Supplies, by Sticker',
    theme: themeNow(),
    onReady: (message) => heard('ready', `storage: ${message.storage}, ends in ${Math.round(message.expires_in / 60)} min`),
    onError: (message) => heard('error', `${message.code}: ${message.message}`),
    onExpiring: (message) => heard('session_expiring', `in ${message.expires_in} s`),
    onEnded: (message) => heard('session_ended', message.reason),
    onNavigation: (message) => heard('navigation', message.url),
    onOrder: (message) => { count(0); heard('order_complete', message.order_id); },
    onCart: (message) => { count(message.items); heard('cart_updated', `${message.items} items`); },
  });
  if (!embed) say('The loader script could not be fetched: is the service running?', 'bad');

  function count(items) {
    find('cart-count').textContent = items;
  }

  const ACTS = {
    reload: () => { embed.reload(); say('The frame was loaded anew, without a link.'); },
    renew: () => { embed.renew(); say('A new link was asked for.'); },
    dead: () => {
      wantsDeadLink = Boolean(address);
      embed.renew();
      say('The frame was given a dead link, said so, and this page fetched a new one.');
    },
    logout: () => { embed.logout(); say('The frame was told to log out.'); },
    async replay() {
      const answer = await post('/api/replay');
      if (answer.status === 200) say('The copied link worked: that should not happen.', 'bad');
      else say(`Refused with ${answer.status}${answer.code ? ` ${answer.code}` : ''}: a link works once.`, 'good');
    },
    async revoke() {
      const answer = await post('/api/revoke');
      if (answer.status !== 204) { say(`The service answered ${answer.status}.`, 'bad'); return; }
      embed.reload();
      say('All sessions of this user have ended. The frame was reloaded, found nothing to resume, and asked for a new link.', 'good');
    },
  };

  function say(words, tone) {
    find('result').textContent = words;
    find('result').dataset.tone = tone || '';
  }

  async function act(event) {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      await ACTS[button.dataset.act]();
    } catch (error) {
      say(error.message, 'bad');
    }
    button.disabled = false;
    setTimeout(poll, 400);
  }

  // --- lists -----------------------------------------------------------------------------------------------------

  function make(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  function timeOf(instant) {
    const node = make('time', '', new Date(instant).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' }));
    node.dateTime = instant;
    return node;
  }

  function heard(type, words) {
    const list = find('heard');
    list.querySelector('.none')?.remove();
    list.prepend(make('li', '', make('b', '', type), make('span', '', words || ''), timeOf(new Date().toISOString())));
    while (list.children.length > 6) list.lastChild.remove();
    poll();
  }

  function requestTag(id, common) {
    if (!id) return null;
    const tag = make('code', common.has(id) ? 'request shared' : 'request', id.slice(-8));
    tag.title = `Request ${id}`;
    return tag;
  }

  function more(parts) {
    const text = parts.filter(([, value]) => value && Object.keys(value).length).map(([name, value]) => `${name}\n${JSON.stringify(value, null, 2)}`);
    return text.length ? make('details', '', make('summary', '', 'Details'), make('pre', '', text.join('\n\n'))) : null;
  }

  function callRow(call, common) {
    const isFine = call.status >= 200 && call.status < 300;
    return make('li', '',
      make('p', 'title', call.purpose, timeOf(call.at)),
      make('p', 'facts', make('span', isFine ? 'status' : 'status refused', String(call.status || 'no answer')), make('code', '', `${call.method} ${call.path}`), `${call.duration_ms} ms`, requestTag(call.request_id, common)),
      more([['sent', call.sent], ['answered', call.answered]]));
  }

  function ledgerRow(row, common) {
    const actor = [row.actor_kind, row.actor_kind === 'key' ? row.actor_id : row.actor_label].filter(Boolean).join(' ');
    const subject = row.subject_type && `${row.subject_type} ${String(row.subject_id || '').slice(-8)}`;
    return make('li', '',
      make('p', 'title', row.meaning, timeOf(row.recorded_at)),
      make('p', 'facts', make('code', `event ${row.severity}`, row.type), row.reason ? make('span', '', row.reason) : null, row.count > 1 ? `${row.count} times` : null, actor && make('span', '', `by ${actor}`), subject && make('span', '', subject), requestTag(row.request_id, common)),
      more([['data', row.data]]));
  }

  /** Put rows into the list, reusing the ones that stand there already, so that opened details stay open. */
  function fill(list, rows, keyOf, draw, common) {
    const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
    const isFirst = !shown.has(list.id);
    const nodes = rows.map((row) => {
      const key = `${list.id}:${keyOf(row)}:${common.has(row.request_id)}`;
      const node = old.get(key) || draw(row, common);
      node.dataset.key = key;
      const seen = `${list.id}:${keyOf(row)}`;
      if (!isFirst && !shown.has(seen)) node.classList.add('new');
      shown.add(seen);
      return node;
    });
    if (rows.length) shown.add(list.id);
    if (nodes.some((node, place) => list.children[place] !== node) || list.children.length !== nodes.length) list.replaceChildren(...nodes);
  }

  function none(list, words) {
    list.replaceChildren(make('li', 'none', words));
  }

  async function poll() {
    if (document.hidden) return;
    try {
      const { calls, ledger } = await (await fetch('/api/trace')).json();
      const inLedger = new Set((ledger || []).map((row) => row.request_id));
      const common = new Set(calls.map((call) => call.request_id).filter((id) => inLedger.has(id)));
      if (calls.length) fill(find('calls'), calls, (call) => call.number, callRow, common);
      if (!ledger) none(find('ledger'), 'The ledger cannot be read from here: the demo was started without a database, or it does not answer.');
      else if (ledger.length) fill(find('ledger'), ledger, (row) => row.id, ledgerRow, common);
    } catch {
      none(find('ledger'), 'The partner’s backend does not answer.');
    }
  }

  // --- colours ---------------------------------------------------------------------------------------------------

  function themeNow() {
    return choice === 'auto' ? (dark.matches ? 'dark' : 'light') : choice;
  }

  function paint() {
    document.documentElement.dataset.theme = themeNow();
    for (const button of document.querySelectorAll('[data-theme-choice]')) button.setAttribute('aria-pressed', String(button.dataset.themeChoice === choice));
    if (embed) embed.setTheme(themeNow());
  }

  for (const button of document.querySelectorAll('[data-theme-choice]')) button.addEventListener('click', () => { choice = button.dataset.themeChoice; paint(); });
  for (const button of document.querySelectorAll('[data-act]')) {
    button.disabled = !embed;
    button.addEventListener('click', act);
  }
  dark.addEventListener('change', paint);
  document.addEventListener('visibilitychange', poll);
  paint();
  poll();
  setInterval(poll, POLL);
})();
