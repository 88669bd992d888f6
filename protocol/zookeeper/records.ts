import { type RecordOf, record, vectorOf } from './jute.ts'

/** Every record of the client protocol, as data. `-` of the specification is `EMPTY`. */

export const EMPTY = record('Empty', [])

export const ID = record('Id', [
  ['scheme', 'ustring'],
  ['id', 'ustring'],
])
export const ACL = record('Acl', [
  ['perms', 'int'],
  ['id', ID],
])
export type Id = RecordOf<typeof ID>
export type Acl = RecordOf<typeof ACL>

export const STAT = record('Stat', [
  ['czxid', 'long'],
  ['mzxid', 'long'],
  ['ctime', 'long'],
  ['mtime', 'long'],
  ['version', 'int'],
  ['cversion', 'int'],
  ['aversion', 'int'],
  ['ephemeralOwner', 'id'],
  ['dataLength', 'int'],
  ['numChildren', 'int'],
  ['pzxid', 'long'],
])
export type Stat = RecordOf<typeof STAT>

/** The first packet of a connection, without a header. `readOnly` is null where the client sent none. */
export const CONNECT_REQUEST = record('ConnectRequest', [
  ['protocolVersion', 'int'],
  ['lastZxidSeen', 'long'],
  ['timeoutMs', 'int'],
  ['sessionId', 'id'],
  ['password', 'buffer'],
  ['readOnly', 'bool?'],
])
export type ConnectRequest = RecordOf<typeof CONNECT_REQUEST>

/** Answer with `readOnly` exactly where the request had it: the C client waits for 37 bytes, go-zk for 36. */
export const CONNECT_RESPONSE = record('ConnectResponse', [
  ['protocolVersion', 'int'],
  ['timeoutMs', 'int'],
  ['sessionId', 'id'],
  ['password', 'buffer'],
  ['readOnly', 'bool?'],
])
export type ConnectResponse = RecordOf<typeof CONNECT_RESPONSE>

export const REQUEST_HEADER = record('RequestHeader', [
  ['xid', 'int'],
  ['code', 'int'],
])
export const REPLY_HEADER = record('ReplyHeader', [
  ['xid', 'int'],
  ['zxid', 'long'],
  ['err', 'int'],
])
export type ReplyHeader = RecordOf<typeof REPLY_HEADER>

export const WATCHER_EVENT = record('WatcherEvent', [
  ['type', 'int'],
  ['state', 'int'],
  ['path', 'ustring'],
])
export type WatcherEvent = RecordOf<typeof WATCHER_EVENT>

export const CREATE_REQUEST = record('CreateRequest', [
  ['path', 'ustring'],
  ['data', 'buffer'],
  ['acl', vectorOf(ACL)],
  ['flags', 'int'],
])
export const PATH_RECORD = record('Path', [['path', 'ustring']])
export const PATH_AND_STAT = record('PathAndStat', [
  ['path', 'ustring'],
  ['stat', STAT],
])
export const PATH_AND_VERSION = record('PathAndVersion', [
  ['path', 'ustring'],
  ['version', 'int'],
])
export const PATH_AND_WATCH = record('PathAndWatch', [
  ['path', 'ustring'],
  ['watch', 'bool'],
])
export const STAT_RESPONSE = record('StatResponse', [['stat', STAT]])
export const DATA_RESPONSE = record('DataResponse', [
  ['data', 'buffer'],
  ['stat', STAT],
])
export const SET_DATA_REQUEST = record('SetDataRequest', [
  ['path', 'ustring'],
  ['data', 'buffer'],
  ['version', 'int'],
])
export const CHILDREN_RESPONSE = record('ChildrenResponse', [['children', vectorOf('ustring')]])
export const CHILDREN2_RESPONSE = record('Children2Response', [
  ['children', vectorOf('ustring')],
  ['stat', STAT],
])
export const SET_WATCHES_REQUEST = record('SetWatchesRequest', [
  ['relativeZxid', 'long'],
  ['data', vectorOf('ustring')],
  ['exist', vectorOf('ustring')],
  ['child', vectorOf('ustring')],
])
/** The last two lists are watches that stay: they are set again without a look at what was missed. */
export const SET_WATCHES2_REQUEST = record('SetWatches2Request', [
  ['relativeZxid', 'long'],
  ['data', vectorOf('ustring')],
  ['exist', vectorOf('ustring')],
  ['child', vectorOf('ustring')],
  ['persistent', vectorOf('ustring')],
  ['persistentRecursive', vectorOf('ustring')],
])
export const ADD_WATCH_REQUEST = record('AddWatchRequest', [
  ['path', 'ustring'],
  ['mode', 'int'],
])
/** `err` is always 0: a failure is told in the header. */
export const ADD_WATCH_RESPONSE = record('AddWatchResponse', [['err', 'int']])
/** Of removeWatches and checkWatches. */
export const WATCHES_REQUEST = record('WatchesRequest', [
  ['path', 'ustring'],
  ['watcherType', 'int'],
])
export const ACL_AND_STAT = record('AclAndStat', [
  ['acl', vectorOf(ACL)],
  ['stat', STAT],
])
export const SET_ACL_REQUEST = record('SetAclRequest', [
  ['path', 'ustring'],
  ['acl', vectorOf(ACL)],
  ['version', 'int'],
])
/** `ttlMs` is judged in its turn, whatever it is: hence 64 bits in full. */
export const CREATE_TTL_REQUEST = record('CreateTtlRequest', [
  ['path', 'ustring'],
  ['data', 'buffer'],
  ['acl', vectorOf(ACL)],
  ['flags', 'int'],
  ['ttlMs', 'id'],
])
/** Lists of members as text: `server.4=host:peer:election;client,...`, numbers to leave, or a whole new list. -1: any configuration. */
export const RECONFIG_REQUEST = record('ReconfigRequest', [
  ['joining', 'ustring'],
  ['leaving', 'ustring'],
  ['newMembers', 'ustring'],
  ['currentConfigId', 'long'],
])
export const AUTH_REQUEST = record('AuthRequest', [
  ['authType', 'int'],
  ['scheme', 'ustring'],
  ['auth', 'buffer'],
])
export const SASL_RECORD = record('Sasl', [['token', 'buffer']])
export const PREFIX_RECORD = record('Prefix', [['prefix', 'ustring']])
export const PATHS_RESPONSE = record('PathsResponse', [['paths', vectorOf('ustring')]])
export const TOTAL_RESPONSE = record('TotalResponse', [['total', 'int']])
export const WHO_AM_I_RESPONSE = record('WhoAmIResponse', [
  [
    'identities',
    vectorOf(
      record('ClientInfo', [
        ['scheme', 'ustring'],
        ['user', 'ustring'],
      ]),
    ),
  ],
])
