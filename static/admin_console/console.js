/*
 * The staff console's script: opens confirmations as dialogs, copies, keeps whole keys out of everything that is sent, and
 * takes a new key off the screen when its time is over. Every page works without it.
 */
(() => {
  'use strict';
  if (window.stickerConsole) return;
  window.stickerConsole = true;

  const OWN_KEY = /(sk|ak)_(live|test)_([0-9A-Za-z]{12})[0-9A-Za-z]{38}(?![0-9A-Za-z_-])/;
  const FOREIGN_KEY = /^(sk|ak)_(live|test)_[0-9A-Za-z_-]{16,128}$/;
  const KID = /^[0-9A-Za-z]{12}$/;
  const COVER_AFTER_MS = 60000;
  const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- Keys in what staff type -------------------------------------------------------------------------------------

  /** The checksum a key of ours ends with: CRC32 in six base62 digits. */
  function checksum(text) {
    let crc = ~0;
    for (const char of text) {
      crc ^= char.charCodeAt(0);
      for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    let rest = ~crc >>> 0;
    let digits = '';
    for (let place = 0; place < 6; place += 1) {
      digits = DIGITS[rest % 62] + digits;
      rest = Math.floor(rest / 62);
    }
    return digits;
  }

  const isMistyped = (key) => checksum(key.slice(0, -6)) !== key.slice(-6);

  async function sha256(text) {
    const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  /** Leave of a search text what may be sent: a whole key becomes its kid, one issued elsewhere becomes nothing. */
  function withoutSecrets(text) {
    const own = OWN_KEY.exec(text);
    if (own) return own[3];
    return FOREIGN_KEY.test(text.trim()) && text.trim().length > 28 ? '' : text;
  }

  function cleanSearch(input) {
    const cleaned = withoutSecrets(input.value);
    if (cleaned !== input.value) input.value = cleaned;
  }

  const isSearch = (node) => node instanceof HTMLInputElement && (node.name === 'q' || node.name === 's');
  document.addEventListener('input', (event) => isSearch(event.target) && cleanSearch(event.target), true);
  document.addEventListener('submit', (event) => all('input[name="q"], input[name="s"]', event.target).forEach(cleanSearch), true);

  async function identify(form) {
    const text = $('[data-identify-text]', form).value.trim();
    const note = $('[data-identify-note]', form);
    const own = OWN_KEY.exec(text);
    $('[data-identify-kid]', form).value = '';
    $('[data-identify-hash]', form).value = '';
    if (own && isMistyped(own[0])) {
      note.textContent = 'This looks like a key, but its checksum is wrong: a character is missing or changed.';
    } else if (own || KID.test(text)) {
      $('[data-identify-kid]', form).value = own ? own[3] : text;
      form.submit();
    } else if (FOREIGN_KEY.test(text) && window.crypto && crypto.subtle) {
      $('[data-identify-hash]', form).value = await sha256(text);
      form.submit();
    } else {
      note.textContent = 'This is neither a key nor a kid. A kid has 12 letters and digits.';
    }
  }

  document.addEventListener('submit', (event) => {
    if (!event.target.matches('[data-identify]')) return;
    event.preventDefault();
    identify(event.target);
  });

  // --- A new key on the screen -------------------------------------------------------------------------------------

  function cover(reveal, isCovered) {
    $('[data-secret]', reveal).type = isCovered ? 'password' : 'text';
    $('[data-cover]', reveal).textContent = isCovered ? 'Show' : 'Hide';
    all('[data-fill]', reveal).forEach((node) => { node.textContent = isCovered ? '\u2022\u2022\u2022' : $('[data-secret]', reveal).value; });
  }

  function forget(reveal) {
    const secret = $('[data-secret]', reveal);
    if (secret) { secret.value = ''; secret.setAttribute('value', ''); }
    all('[data-fill]', reveal).forEach((node) => { node.textContent = ''; });
  }

  function prepareReveal(reveal) {
    if (reveal.dataset.isReady) return;
    reveal.dataset.isReady = 'true';
    const button = $('[data-cover]', reveal);
    button.hidden = false;
    button.addEventListener('click', () => cover(reveal, $('[data-secret]', reveal).type === 'text'));
    cover(reveal, false);
    setTimeout(() => {
      if (!reveal.isConnected) return;
      cover(reveal, true);
      $('[data-secret-note]', reveal).textContent = 'Hidden after a minute. It can still be copied or shown until you leave this page.';
    }, COVER_AFTER_MS);
    addEventListener('pagehide', () => forget(reveal));
    // A reload must not send the form again: the address becomes that of the key's page.
    if (!reveal.closest('dialog')) history.replaceState(null, '', reveal.dataset.done);
  }

  function copied(button, text) {
    const word = button.textContent;
    const done = () => { button.textContent = 'Copied'; setTimeout(() => { button.textContent = word; }, 1600); };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => select(button));
    else select(button);
  }

  function select(button) {
    const source = document.getElementById(button.dataset.copyFrom);
    if (source.select) source.select();
    else getSelection().selectAllChildren(source);
  }

  function textOf(source) {
    if ('value' in source) return source.value;
    const copy = source.cloneNode(true);
    const secret = $('[data-secret]');
    if (secret) all('[data-fill]', copy).forEach((node) => { node.textContent = secret.value; });
    return copy.textContent;
  }

  document.addEventListener('click', (event) => {
    const button = event.target.closest && event.target.closest('[data-copy-from]');
    if (button) copied(button, textOf(document.getElementById(button.dataset.copyFrom)));
  });

  // --- Forms -------------------------------------------------------------------------------------------------------

  /** Show the date only when "Until a date" is chosen. */
  function prepareLifetime(root) {
    const date = $('[data-field="expires_on"]', root);
    const choices = all('input[name="lifetime"]', root);
    if (!date || !choices.length) return;
    const update = () => { date.hidden = !choices.some((choice) => choice.checked && choice.value === 'custom'); };
    choices.forEach((choice) => choice.addEventListener('change', update));
    update();
  }

  /** The button of an act that ends something works once its name is typed. */
  function prepareConfirmation(root) {
    all('input[data-confirm]', root).forEach((input) => {
      const button = $('button[type="submit"]', input.form);
      const update = () => { button.disabled = input.value.trim() !== input.dataset.confirm; };
      input.addEventListener('input', update);
      update();
    });
  }

  function prepareOnce(root) {
    all('form[data-panel-form]', root).forEach((form) => form.addEventListener('submit', (event) => {
      if (form.dataset.isSent) event.preventDefault();
      else if (!form.closest('dialog')) form.dataset.isSent = 'true';
    }));
  }

  function prepare(root) {
    all('[data-copy-from]', root).forEach((button) => { button.hidden = false; });
    all('[data-reveal]', root).forEach(prepareReveal);
    prepareLifetime(root);
    prepareConfirmation(root);
    prepareOnce(root);
  }

  // --- Dialogs -----------------------------------------------------------------------------------------------------

  const dialog = document.createElement('dialog');
  dialog.className = 'sa-dialog';

  function fill(html) {
    dialog.innerHTML = html;
    prepare(dialog);
    dialog.scrollTop = 0;
    const title = $('.sa-panel-title', dialog);
    if (title) title.focus();
  }

  async function ask(url, options, otherwise) {
    dialog.classList.add('sa-busy');
    try {
      const answer = await fetch(url, { ...options, headers: { 'X-Console-Dialog': '1' }, credentials: 'same-origin', cache: 'no-store' });
      const target = answer.headers.get('X-Console-Location');
      if (target) return void location.assign(target);
      const html = await answer.text();
      // A sign-in page or an error page is not a panel: show it as the page it is.
      if (!answer.redirected && html.includes('data-panel')) return void fill(html);
      otherwise();
    } catch {
      otherwise();
    } finally {
      dialog.classList.remove('sa-busy');
    }
  }

  function open(link) {
    dialog.replaceChildren();
    dialog.showModal();
    ask(link.href, { method: 'GET' }, () => location.assign(link.href));
  }

  function failed() {
    const note = document.createElement('p');
    note.className = 'sa-note sa-bad';
    note.textContent = 'No answer came, so it is not known whether this was done. Look at the page and the ledger before trying again.';
    dialog.prepend(note);
  }

  function leave() {
    const reveal = $('[data-reveal]', dialog);
    if (!reveal) return dialog.close();
    forget(reveal);
    location.assign(reveal.dataset.done);
  }

  document.addEventListener('click', (event) => {
    const link = event.target.closest && event.target.closest('a[data-dialog], [data-close], [data-stored]');
    if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const isInside = dialog.contains(link);
    if (link.matches('a[data-dialog]')) { event.preventDefault(); open(link); }
    else if (isInside) { event.preventDefault(); leave(); }
  });

  dialog.addEventListener('submit', (event) => {
    const form = event.target;
    if (!form.matches('[data-panel-form]') || event.defaultPrevented) return;
    event.preventDefault();
    if (dialog.classList.contains('sa-busy')) return;
    ask(form.action, { method: 'POST', body: new FormData(form) }, failed);
  });
  dialog.addEventListener('submit', (event) => event.target.matches('[data-download]') && setTimeout(() => dialog.close(), 500));
  // Escape must not throw away a key that nobody has stored yet.
  dialog.addEventListener('cancel', (event) => $('[data-reveal]', dialog) && event.preventDefault());

  addEventListener('DOMContentLoaded', () => {
    document.body.append(dialog);
    prepare(document);
  });
})();
