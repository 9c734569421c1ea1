// Types of the embed loader, version 1.

export as namespace Sticker;

export const version: '1';

/** What the partner's own backend hands to its page: the handshake's answer, or the part of it that is needed. */
export type Session = { iframe_embed_url: string } | { session_key: string; iframe_url?: string };

export type Theme = 'light' | 'dark' | 'auto';

export interface Options {
  /** Ask your backend for a new one-time link. Called at mounting and whenever a link or a session is spent. */
  fetchSession: () => Promise<Session>;
  /** Needed when fetchSession answers with a bare session_key. */
  partnerId?: string;
  /** Origin of the embed pages; by default where this script came from. */
  baseUrl?: string;
  environment?: 'live' | 'test';
  theme?: Theme;
  hideNav?: boolean;
  category?: string;
  /** A relative address, or one on a registered origin of yours. */
  returnUrl?: string;
  /** Accessible name of the frame. */
  title?: string;
  /** Follow the height of the content. Default true. */
  autoHeight?: boolean;
  /** CSS height until the frame has told its own. Default 420px. */
  height?: string;
  /** Shown in place of a frame that could not be opened. */
  failureText?: string;
  retryText?: string;
  onReady?: (message: Ready) => void;
  onError?: (message: Failure) => void;
  onExpiring?: (message: Expiring) => void;
  onEnded?: (message: Ended) => void;
  onCart?: (message: Message<'sticker:cart_updated'>) => void;
  onOrder?: (message: Message<'sticker:order_complete'>) => void;
  onNavigation?: (message: Navigation) => void;
}

export interface Message<Type extends string> {
  type: Type;
  [field: string]: unknown;
}

export interface Ready extends Message<'sticker:ready'> {
  session_id: string;
  /** Seconds until the session ends for good. */
  expires_in: number;
  /** Seconds of being out of sight after which it ends. */
  idle_seconds: number;
  /** Where the browser keeps it: a partitioned cookie survives a reload, memory does not. */
  storage: 'cookie' | 'memory';
}

export interface Failure extends Message<'sticker:error'> {
  code:
    | 'SESSION_TOKEN_EXPIRED'
    | 'RATE_LIMIT_EXCEEDED'
    | 'SERVICE_UNAVAILABLE'
    | 'NETWORK_OFFLINE'
    | 'REQUEST_REFUSED'
    | 'SESSION_FETCH_FAILED'
    | 'FRAME_SILENT';
  message: string;
  /** Seconds. */
  retry_after?: number;
  /** A person asked for the new link. */
  requested?: boolean;
}

export interface Expiring extends Message<'sticker:session_expiring'> {
  session_id: string;
  expires_in: number;
}

export interface Ended extends Message<'sticker:session_ended'> {
  session_id: string;
  reason: 'logout';
}

export interface Navigation extends Message<'sticker:navigation'> {
  url: string;
}

export interface Embed {
  logout(): void;
  setTheme(theme: Theme): void;
  /** Load the frame anew without a link; the session resumes where the browser kept it. */
  reload(): void;
  /** Ask the backend for a new link and start over with it. */
  renew(): void;
  unmount(): void;
}

export function mount(element: Element | string, options: Options): Embed;

/** Mount every element with data-session-endpoint that is not mounted yet; runs by itself once at page load. */
export function mountAll(): void;
