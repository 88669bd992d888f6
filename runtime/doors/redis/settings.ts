/** What CONFIG GET shows: names that tools ask for, and what they mean here. None of it can be set from a connection. */
import { VALUE_BYTES_MAX } from '../../../protocol/limits.ts'

export type Settings = ReadonlyMap<string, string>

export const LIMITS = {
  connectionsMax: 10_000,
  /** Of one address: the rest is for others. */
  connectionsPerAddressMax: 5_000,
  bulkBytesMax: VALUE_BYTES_MAX,
  requestBytesMax: 64 * 1024 * 1024,
  /** All connections together: requests that are not complete, or wait. */
  inputBytesMax: 256 * 1024 * 1024,
  /** All connections together: replies that are not read. Beyond it whoever reads least has to go. */
  unreadBytesMax: 256 * 1024 * 1024,
  /** A connection that has so much unread is given no more answers, and its requests wait. */
  outputPauseBytes: 1024 * 1024,
  /** One that gets messages which it does not read is closed at this. */
  outputBytesMax: 64 * 1024 * 1024,
  /** Writes of one connection that are on their way through the chain. */
  writesMax: 1024,
  /** Reads of one connection that share a snapshot. */
  readKeysMax: 256,
  /** As long as nobody knows how long its values are. */
  readKeysFirst: 16,
  /** Replies of one snapshot that have more bytes make the next one smaller. */
  readBytesWanted: 256 * 1024,
  queuedBytesMax: 16 * 1024 * 1024,
  /** Places of scans that are remembered. */
  cursorsMax: 10_000,
} as const

export function settingsOf(port: number, host: string): Settings {
  return new Map<string, string>([
    ['appendonly', 'yes'],
    ['appendfsync', 'always'],
    ['bind', host],
    [
      'client-output-buffer-limit',
      `normal ${LIMITS.outputBytesMax} 0 0 slave 0 0 0 pubsub ${LIMITS.outputBytesMax} 0 0`,
    ],
    ['client-query-buffer-limit', String(LIMITS.requestBytesMax)],
    ['cluster-enabled', 'yes'],
    ['databases', '1'],
    ['lfu-log-factor', '10'],
    ['maxclients', String(LIMITS.connectionsMax)],
    ['maxmemory', '0'],
    ['maxmemory-policy', 'noeviction'],
    ['notify-keyspace-events', 'AKE'],
    ['port', String(port)],
    ['proto-max-bulk-len', String(LIMITS.bulkBytesMax)],
    ['save', ''],
    ['slowlog-log-slower-than', '-1'],
    ['slowlog-max-len', '0'],
    ['timeout', '0'],
    ['tls-port', '0'],
  ])
}
