import type { Layout, RecordOf } from './jute.ts'
import { MULTI_READ_REQUEST, MULTI_READ_RESPONSE, MULTI_REQUEST, MULTI_RESPONSE } from './multi.ts'
import {
  ACL_AND_STAT,
  ADD_WATCH_REQUEST,
  ADD_WATCH_RESPONSE,
  AUTH_REQUEST,
  CHILDREN_RESPONSE,
  CHILDREN2_RESPONSE,
  CREATE_REQUEST,
  CREATE_TTL_REQUEST,
  DATA_RESPONSE,
  EMPTY,
  PATH_AND_STAT,
  PATH_AND_VERSION,
  PATH_AND_WATCH,
  PATH_RECORD,
  PATHS_RESPONSE,
  PREFIX_RECORD,
  RECONFIG_REQUEST,
  SASL_RECORD,
  SET_ACL_REQUEST,
  SET_DATA_REQUEST,
  SET_WATCHES_REQUEST,
  SET_WATCHES2_REQUEST,
  STAT_RESPONSE,
  TOTAL_RESPONSE,
  WATCHES_REQUEST,
  WHO_AM_I_RESPONSE,
} from './records.ts'

interface OpRow {
  readonly code: number
  readonly request: Layout
  readonly response: Layout
  /** Goes through the replicated log. */
  readonly isWrite: boolean
}

/** Every operation that a client may ask for. A new one is a row here. */
export const OPS = {
  create: { code: 1, request: CREATE_REQUEST, response: PATH_RECORD, isWrite: true },
  delete: { code: 2, request: PATH_AND_VERSION, response: EMPTY, isWrite: true },
  exists: { code: 3, request: PATH_AND_WATCH, response: STAT_RESPONSE, isWrite: false },
  getData: { code: 4, request: PATH_AND_WATCH, response: DATA_RESPONSE, isWrite: false },
  setData: { code: 5, request: SET_DATA_REQUEST, response: STAT_RESPONSE, isWrite: true },
  getACL: { code: 6, request: PATH_RECORD, response: ACL_AND_STAT, isWrite: false },
  setACL: { code: 7, request: SET_ACL_REQUEST, response: STAT_RESPONSE, isWrite: true },
  getChildren: { code: 8, request: PATH_AND_WATCH, response: CHILDREN_RESPONSE, isWrite: false },
  sync: { code: 9, request: PATH_RECORD, response: PATH_RECORD, isWrite: false },
  ping: { code: 11, request: EMPTY, response: EMPTY, isWrite: false },
  getChildren2: { code: 12, request: PATH_AND_WATCH, response: CHILDREN2_RESPONSE, isWrite: false },
  check: { code: 13, request: PATH_AND_VERSION, response: EMPTY, isWrite: true },
  multi: { code: 14, request: MULTI_REQUEST, response: MULTI_RESPONSE, isWrite: true },
  create2: { code: 15, request: CREATE_REQUEST, response: PATH_AND_STAT, isWrite: true },
  reconfig: { code: 16, request: RECONFIG_REQUEST, response: DATA_RESPONSE, isWrite: true },
  checkWatches: { code: 17, request: WATCHES_REQUEST, response: EMPTY, isWrite: false },
  removeWatches: { code: 18, request: WATCHES_REQUEST, response: EMPTY, isWrite: false },
  createContainer: { code: 19, request: CREATE_REQUEST, response: PATH_AND_STAT, isWrite: true },
  createTTL: { code: 21, request: CREATE_TTL_REQUEST, response: PATH_AND_STAT, isWrite: true },
  multiRead: { code: 22, request: MULTI_READ_REQUEST, response: MULTI_READ_RESPONSE, isWrite: false },
  auth: { code: 100, request: AUTH_REQUEST, response: EMPTY, isWrite: false },
  setWatches: { code: 101, request: SET_WATCHES_REQUEST, response: EMPTY, isWrite: false },
  sasl: { code: 102, request: SASL_RECORD, response: SASL_RECORD, isWrite: false },
  getEphemerals: { code: 103, request: PREFIX_RECORD, response: PATHS_RESPONSE, isWrite: false },
  getAllChildrenNumber: { code: 104, request: PATH_RECORD, response: TOTAL_RESPONSE, isWrite: false },
  setWatches2: { code: 105, request: SET_WATCHES2_REQUEST, response: EMPTY, isWrite: false },
  addWatch: { code: 106, request: ADD_WATCH_REQUEST, response: ADD_WATCH_RESPONSE, isWrite: false },
  whoAmI: { code: 107, request: EMPTY, response: WHO_AM_I_RESPONSE, isWrite: false },
  closeSession: { code: -11, request: EMPTY, response: EMPTY, isWrite: true },
} as const satisfies Record<string, OpRow>

export type OpName = keyof typeof OPS
// Both distribute: of several names they make a union to `switch` on.
export type RequestOf<N extends OpName> = N extends OpName
  ? { readonly type: N } & RecordOf<(typeof OPS)[N]['request']>
  : never
export type ResponseOf<N extends OpName> = N extends OpName
  ? { readonly type: N } & RecordOf<(typeof OPS)[N]['response']>
  : never
export type Request = RequestOf<OpName>
export type Response = ResponseOf<OpName>

export type WriteOpName = { [N in OpName]: (typeof OPS)[N]['isWrite'] extends true ? N : never }[OpName]
export type WriteRequest = RequestOf<WriteOpName>
export type LocalRequest = Exclude<Request, WriteRequest>

export const isWriteRequest = (request: Request): request is WriteRequest => OPS[request.type].isWrite

const byCode = new Map<number, OpName>((Object.keys(OPS) as OpName[]).map((name) => [OPS[name].code, name]))
export const opNameOf = (code: number): OpName | undefined => byCode.get(code)

/** xids with a meaning. The server echoes whatever came; clients tell replies apart by them. */
export const XIDS = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const

/** Types of a WatcherEvent. */
export const EVENT_TYPES = { created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const
export type EventType = (typeof EVENT_TYPES)[keyof typeof EVENT_TYPES]
/** Modes of addWatch. */
export const ADD_WATCH_MODES = { persistent: 0, persistentRecursive: 1 } as const
/** Which watches removeWatches and checkWatches mean; `any` is every mode on the path. */
export const WATCHER_TYPES = { children: 1, data: 2, any: 3, persistent: 4, persistentRecursive: 5 } as const
export type WatcherType = (typeof WATCHER_TYPES)[keyof typeof WATCHER_TYPES]
/** The only state that a server sends. */
export const SYNC_CONNECTED = 3

/** Flags of creates. The last two are createTTL's alone, `container` createContainer's. */
export const CREATE_FLAGS = {
  persistent: 0,
  ephemeral: 1,
  sequential: 2,
  ephemeralSequential: 3,
  container: 4,
  ttl: 5,
  sequentialTtl: 6,
} as const
export const PERMS = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const
