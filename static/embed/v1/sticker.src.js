/*
 * The partner's side of the embed: mounts the frame with the right attributes, listens to it, and asks the
 * partner's own backend for a new link when the old one is spent. No dependency, no credential kept.
 */
(() => {
  'use strict';

  const SANDBOX = 'allow-same-origin allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation';
  const ALLOW = 'payment; publickey-credentials-get; fullscreen';
  const EXPIRED = 'SESSION_TOKEN_EXPIRED';
  const FETCH_FAILED = 'SESSION_FETCH_FAILED';
  const SILENT = 'FRAME_SILENT';
  const RENEW_WAITS = [0, 0.5, 5, 30]; // seconds before each new link; after the last one a person has to ask
  const STABLE_AFTER = 60000; // ms signed in, after which the waits start over
  const SPEAK_WITHIN = 15000; // ms in which a frame that may be shown here has said something
  const script = document.currentScript;
  const home = script && script.src ? new URL(script.src).origin : location.origin;

  /** @returns {URL} the embed page's address for what the backend answered, with the display options added */
  function frameAddress(answer, options) {
    const environment = options.environment === 'test' ? '/sandbox' : '';
    const url = new URL(answer.iframe_embed_url || answer.iframe_url || `${environment}/embedded/${options.partnerId}`, options.baseUrl || home);
    const token = answer.session_key;
    if (token) url.hash = `session_key=${token}`;
    const shown = { theme: options.theme, hide_nav: options.hideNav ? 1 : '', category: options.category, return_url: options.returnUrl };
    for (const name in shown) if (shown[name] && shown[name] !== 'auto') url.searchParams.set(name, shown[name]);
    return url;
  }

  function newFrame(url, options) {
    const frame = document.createElement('iframe');
    frame.setAttribute('sandbox', SANDBOX);
    frame.allow = ALLOW;
    frame.referrerPolicy = 'no-referrer';
    frame.title = options.title || 'Sticker';
    frame.style.cssText = `width:100%;border:0;height:${options.height || '420px'}`;
    frame.src = url.href;
    return frame;
  }

  function mount(target, settings) {
    const element = typeof target === 'string' ? document.querySelector(target) : target;
    if (!element || !settings || !settings.fetchSession) throw new TypeError('Sticker.mount needs an element and fetchSession');
    const options = { autoHeight: true, ...settings };
    let frame = null;
    let origin = '';
    let address = null;
    let renewals = 0;
    let readyAt = 0;
    let turn = 0; // of two overlapping requests for a link only the later one counts
    let timer = 0;

    const on = {
      ready(message) {
        readyAt = Date.now();
        report('ready', 'onReady', message);
      },
      height(message) {
        if (options.autoHeight && message.height > 0) frame.style.height = `${Math.min(message.height, 20000)}px`;
      },
      error(message) {
        report('error', 'onError', message);
        if (message.code === EXPIRED) renew(message.requested);
      },
      session_expiring: (message) => report('expiring', 'onExpiring', message),
      session_ended: (message) => report('ended', 'onEnded', message),
      cart_updated: (message) => report('cart', 'onCart', message),
      order_complete: (message) => report('order', 'onOrder', message),
      navigation: (message) => report('navigation', 'onNavigation', message),
    };

    /** Tell the page twice: by its callback, and as a DOM event `sticker:<name>` that bubbles from the element. */
    function report(name, callback, detail) {
      element.dispatchEvent(new CustomEvent(`sticker:${name}`, { bubbles: true, detail }));
      if (options[callback]) options[callback](detail);
    }

    function hear(event) {
      if (!frame || event.source !== frame.contentWindow || event.origin !== origin) return;
      const message = event.data;
      const type = message && typeof message.type === 'string' && message.type.slice(0, 8) === 'sticker:' ? message.type.slice(8) : '';
      if (!Object.prototype.hasOwnProperty.call(on, type)) return;
      quieten();
      on[type](message);
    }

    function post(type, detail) {
      if (frame) frame.contentWindow.postMessage({ ...detail, type: `sticker:${type}` }, origin);
    }

    function place(url) {
      clear();
      address = url;
      origin = url.origin;
      frame = newFrame(url, options);
      element.appendChild(frame); // a new element each time: changing src would add a step to the back button
      timer = setTimeout(() => fail(SILENT, `The frame stays silent. Is ${location.origin} registered for this partner?`), SPEAK_WITHIN);
    }

    function quieten() {
      clearTimeout(timer);
      for (const box of element.querySelectorAll('[data-sticker-problem]')) box.remove();
      if (frame) frame.hidden = false;
    }

    function clear() {
      quieten();
      if (frame) frame.remove();
      frame = null;
    }

    /** Say so in place of the frame, never leave a blank; a frame that speaks up later takes the place back. */
    function fail(code, message) {
      quieten();
      if (frame) frame.hidden = true;
      const box = document.createElement('div');
      const button = document.createElement('button');
      box.setAttribute('role', 'alert');
      box.dataset.stickerProblem = code;
      box.append(`${options.failureText || 'This section could not be opened.'} `, button);
      button.type = 'button';
      button.textContent = options.retryText || 'Try again';
      button.onclick = () => renew(true);
      element.appendChild(box);
      report('error', 'onError', { type: 'sticker:error', code, message });
    }

    /** Ask for a new link, later each time; `requested` by a person starts over. */
    function renew(requested) {
      if (requested || (readyAt && Date.now() - readyAt > STABLE_AFTER)) renewals = 0;
      readyAt = 0;
      if (renewals >= RENEW_WAITS.length) return;
      ask(RENEW_WAITS[renewals] * 1000);
      renewals += 1;
    }

    async function ask(wait) {
      const mine = ++turn;
      // Even without a wait the next task is soon enough, and a component mounted twice at once asks once.
      await new Promise((done) => setTimeout(done, wait));
      if (mine !== turn) return;
      try {
        const answer = await options.fetchSession();
        if (!answer || !(answer.iframe_embed_url || answer.session_key)) throw new TypeError('fetchSession gave no iframe_embed_url and no session_key');
        if (mine === turn) place(frameAddress(answer, options));
      } catch (error) {
        if (mine !== turn) return;
        fail(FETCH_FAILED, String((error && error.message) || error));
        renew();
      }
    }

    window.addEventListener('message', hear);
    renew();
    return {
      logout: () => post('logout'),
      setTheme(theme) {
        options.theme = theme;
        post('theme', { theme });
      },
      /** Load the frame anew without a link: its session resumes where the browser kept it. */
      reload() {
        if (!address) return;
        const url = new URL(address);
        url.hash = '';
        url.searchParams.delete('session_key');
        url.searchParams.delete('theme');
        place(frameAddress({ iframe_url: url.href }, options));
      },
      renew: () => renew(true),
      unmount() {
        turn += 1;
        window.removeEventListener('message', hear);
        clear();
      },
    };
  }

  /** Mount every element with data-session-endpoint that has not been mounted yet. */
  function mountAll() {
    for (const element of document.querySelectorAll('[data-session-endpoint]:not([data-sticker-mounted])')) {
      const data = element.dataset;
      data.stickerMounted = '';
      mount(element, {
        partnerId: data.stickerPartner,
        baseUrl: data.stickerBaseUrl,
        environment: data.stickerEnvironment,
        theme: data.stickerTheme,
        hideNav: data.stickerHideNav !== undefined,
        category: data.stickerCategory,
        returnUrl: data.stickerReturnUrl,
        title: data.stickerTitle,
        fetchSession: () => fetchFrom(data.sessionEndpoint),
      });
    }
  }

  async function fetchFrom(endpoint) {
    const reply = await fetch(endpoint, { method: 'POST', credentials: 'same-origin', cache: 'no-store', headers: { Accept: 'application/json' } });
    if (!reply.ok) throw new Error(`${endpoint} answered ${reply.status}`);
    return reply.json();
  }

  window.Sticker = { mount, mountAll, version: '1' };
  if (typeof module === 'object' && module.exports) module.exports = window.Sticker;
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', mountAll);
  else mountAll();
})();
