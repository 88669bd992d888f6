import { ZK_ERRORS, type ZkErrorName, zkErrorName } from '../../protocol/zookeeper/errors.ts'

interface ErrorRow {
  /** ZooKeeper's name, where the server says it; null = only this client does. */
  readonly zk: ZkErrorName | null
  readonly outcome: 'definite' | 'indefinite'
}

/**
 * Every error of the coordinator client. `definite`: the request changed nothing and never will. `indefinite`: it may have been carried
 * out; only a read can tell.
 */
export const COORDINATOR_ERRORS = {
  NO_NODE: { zk: 'NoNode', outcome: 'definite' },
  NODE_EXISTS: { zk: 'NodeExists', outcome: 'definite' },
  BAD_VERSION: { zk: 'BadVersion', outcome: 'definite' },
  NOT_EMPTY: { zk: 'NotEmpty', outcome: 'definite' },
  NO_CHILDREN_FOR_EPHEMERALS: { zk: 'NoChildrenForEphemerals', outcome: 'definite' },
  NO_AUTH: { zk: 'NoAuth', outcome: 'definite' },
  BAD_ARGUMENTS: { zk: 'BadArguments', outcome: 'definite' },
  /** Of `addAuth`: the scheme is not offered, or what was shown is refused. */
  AUTH_FAILED: { zk: 'AuthFailed', outcome: 'definite' },
  INVALID_ACL: { zk: 'InvalidAcl', outcome: 'definite' },
  MARSHALLING_ERROR: { zk: 'MarshallingError', outcome: 'definite' },
  UNIMPLEMENTED: { zk: 'Unimplemented', outcome: 'definite' },
  QUOTA_EXCEEDED: { zk: 'QuotaExceeded', outcome: 'definite' },
  THROTTLED: { zk: 'ThrottledOp', outcome: 'definite' },
  /** Of `reconfig`: another one is under way; or too few of those who are to stay, or to come, are there. */
  RECONFIG_IN_PROGRESS: { zk: 'ReconfigInProgress', outcome: 'definite' },
  NEW_CONFIG_NO_QUORUM: { zk: 'NewConfigNoQuorum', outcome: 'indefinite' },
  NOT_READ_ONLY: { zk: 'NotReadOnly', outcome: 'definite' },
  SESSION_MOVED: { zk: 'SessionMoved', outcome: 'definite' },
  /** Of a multi: another of its operations failed, so this one was not carried out. */
  RUNTIME_INCONSISTENCY: { zk: 'RuntimeInconsistency', outcome: 'definite' },
  /** The session is over and its ephemeral znodes are gone. */
  SESSION_EXPIRED: { zk: 'SessionExpired', outcome: 'definite' },
  /** The connection broke before the reply, or no member could be reached at all (then `outcome` is definite). */
  CONNECTION_LOSS: { zk: 'ConnectionLoss', outcome: 'indefinite' },
  /** `close` was called before; or while it waited for its reply: then `outcome` is indefinite. */
  CLOSED: { zk: null, outcome: 'definite' },
  /** Any other code of the server; the message names it. */
  SERVER_ERROR: { zk: null, outcome: 'indefinite' },
} as const satisfies Record<string, ErrorRow>

export type CoordinatorErrorCode = keyof typeof COORDINATOR_ERRORS

const codes = Object.keys(COORDINATOR_ERRORS) as CoordinatorErrorCode[]
const codeByNumber = new Map<number, CoordinatorErrorCode>()
for (const code of codes) {
  const { zk } = COORDINATOR_ERRORS[code]
  if (zk !== null) codeByNumber.set(ZK_ERRORS[zk], code)
}

/** Match on `code`, never on the message. */
export class CoordinatorError extends Error {
  readonly code: CoordinatorErrorCode
  readonly outcome: 'definite' | 'indefinite'
  /** Of a multi: the place of the operation that failed. */
  readonly index: number | null

  constructor(
    code: CoordinatorErrorCode,
    message: string,
    options: { outcome?: 'definite' | 'indefinite'; index?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CoordinatorError'
    this.code = code
    this.outcome = options.outcome ?? COORDINATOR_ERRORS[code].outcome
    this.index = options.index ?? null
  }
}

/** The error for a number that the server answered. */
export function errorOf(number: number, what: string, index?: number): CoordinatorError {
  const code = codeByNumber.get(number) ?? 'SERVER_ERROR'
  return new CoordinatorError(code, `${what}: ${zkErrorName(number)}`, index === undefined ? {} : { index })
}

/** `isCoordinatorError(error, 'NO_NODE', 'BAD_VERSION')` */
export const isCoordinatorError = (
  error: unknown,
  ...anyOf: readonly CoordinatorErrorCode[]
): error is CoordinatorError =>
  error instanceof CoordinatorError && (anyOf.length === 0 || anyOf.includes(error.code))
