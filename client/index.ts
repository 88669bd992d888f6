/** What applications import. */
export type { ErrorCode } from '../protocol/errors.ts'
export { ERRORS, StoreError } from '../protocol/errors.ts'
export type { Bytes, ConditionOptions, ConsistencyOption, ExpiryOptions } from './arguments.ts'
export type { Client } from './client.ts'
export type { ConnectOptions } from './connect.ts'
export { connect } from './connect.ts'
export type { ReadPolicy } from './core/events.ts'
export type { ClientLimits } from './core/limits.ts'
export type {
  CallOptions,
  DeleteOptions,
  GetOptions,
  PutOptions,
  ScanOptions,
  ServerStatus,
  Transaction,
  TransactionCompare,
  TransactionOutcome,
  TransactionWrite,
  WatchOptions,
  WriteOutcome,
} from './options.ts'
export type { ScanItem, StoredValue } from './stored-value.ts'
export type { TlsOptions, TlsSource } from './transport/tls-options.ts'
export type { Change, Watch } from './watch.ts'
