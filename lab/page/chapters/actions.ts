/** How scenarios are written down. */
import type { Action, ClientOperation, TimedAction } from '../board/action.ts'

/** The chain is formed at moment 0; scenarios begin a little later, so that there is something to look at before. */
export const BEGIN_MS = 2000

export const at = (ms: number, action: Action): TimedAction => ({ atMs: BEGIN_MS + ms, action })

const ask = (ms: number, client: string, op: ClientOperation) => at(ms, { type: 'client', client, op })

export const put = (ms: number, client: string, key: string, value: string) =>
  ask(ms, client, { type: 'put', key, value })

/** A read at this replica; without one the client chooses. */
export const get = (ms: number, client: string, key: string, where?: string) =>
  ask(ms, client, where === undefined ? { type: 'get', key } : { type: 'get', key, at: where })

export const crash = (ms: number, node: string) => at(ms, { type: 'crash', node })

export const restart = (ms: number, node: string) => at(ms, { type: 'restart', node })

/** Both ways. */
export const cut = (ms: number, from: string, to: string) => at(ms, { type: 'cut', from, to, both: true })

export const slowLink = (ms: number, from: string, to: string, factor: number) =>
  at(ms, { type: 'slow-link', from, to, factor })

export const COORDINATORS = ['coordinator-1', 'coordinator-2', 'coordinator-3'] as const
