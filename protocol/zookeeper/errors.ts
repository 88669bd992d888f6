/** Error codes of the protocol, by ZooKeeper's names. */
export const ZK_ERRORS = {
  Ok: 0,
  SystemError: -1,
  RuntimeInconsistency: -2,
  DataInconsistency: -3,
  ConnectionLoss: -4,
  MarshallingError: -5,
  Unimplemented: -6,
  OperationTimeout: -7,
  BadArguments: -8,
  UnknownSession: -12,
  NewConfigNoQuorum: -13,
  ReconfigInProgress: -14,
  ApiError: -100,
  NoNode: -101,
  NoAuth: -102,
  BadVersion: -103,
  NoChildrenForEphemerals: -108,
  NodeExists: -110,
  NotEmpty: -111,
  SessionExpired: -112,
  InvalidCallback: -113,
  InvalidAcl: -114,
  AuthFailed: -115,
  SessionMoved: -118,
  NotReadOnly: -119,
  EphemeralOnLocalSession: -120,
  NoWatcher: -121,
  RequestTimeout: -122,
  ReconfigDisabled: -123,
  SessionClosedRequireSaslAuth: -124,
  QuotaExceeded: -125,
  ThrottledOp: -127,
} as const

export type ZkErrorName = keyof typeof ZK_ERRORS
export type ZkErrorCode = (typeof ZK_ERRORS)[ZkErrorName]

const nameByCode = new Map<number, ZkErrorName>(
  Object.entries(ZK_ERRORS).map(([name, code]) => [code, name as ZkErrorName]),
)

/** The name of a code, for messages; unknown codes keep their number. */
export const zkErrorName = (code: number): string => nameByCode.get(code) ?? `error ${code}`
