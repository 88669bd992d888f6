import { PACKET_BYTES_MAX } from '../../protocol/zookeeper/frames.ts'
import type { DoorLimits } from '../doors/zookeeper/door.ts'
import { DEFAULT_WORDS } from '../doors/zookeeper/four-letter-words.ts'
import type { MemberSettings } from './options.ts'

const ZOOKEEPER_TICK_MS = 500
const MAX_CLIENT_CONNECTIONS = 60
const SLOW_CLIENT_MS = 30_000
const HELD_BYTES_MAX = 256 * 1024 * 1024

/** What a member's clients are held to. */
export function doorLimits(settings: MemberSettings): DoorLimits & { readonly tickMs: number } {
  const tickMs = settings.zookeeperTickMs ?? ZOOKEEPER_TICK_MS
  return {
    tickMs,
    sessionTimeout: {
      minMs: settings.minSessionTimeoutMs ?? 2 * tickMs,
      maxMs: settings.maxSessionTimeoutMs ?? 20 * tickMs,
    },
    maxClientConnections: settings.maxClientConnections ?? MAX_CLIENT_CONNECTIONS,
    packetBytesMax: settings.packetBytesMax ?? PACKET_BYTES_MAX,
    fourLetterWords: settings.fourLetterWords ?? DEFAULT_WORDS,
    superDigest: settings.superDigest ?? null,
    extendedTypesEnabled: settings.extendedTypesEnabled ?? true,
    heldBytesMax: settings.heldBytesMax ?? HELD_BYTES_MAX,
    slowClientMs: settings.slowClientMs ?? SLOW_CLIENT_MS,
  }
}
