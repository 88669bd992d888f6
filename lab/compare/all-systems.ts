/** Everything that can be compared, in the order in which a first round visits it. */
import type { System } from './system.ts'
import { bareRead } from './systems/bare-read.ts'
import { bareRelay } from './systems/bare-relay.ts'
import { catenarySystem } from './systems/catenary.ts'
import { etcd } from './systems/etcd.ts'
import { jetstream } from './systems/jetstream.ts'
import { redis, redisWait } from './systems/redis.ts'
import { zookeeper } from './systems/zookeeper.ts'

/** CRAQ, and the same store with other protocols in its place. */
const REPLICATIONS = ['craq', 'chain', 'raft', 'raft-lease', 'primary-backup'] as const

export const ALL_SYSTEMS: readonly System[] = [
  bareRead('fields'),
  bareRead('fixed'),
  bareRelay('fields'),
  bareRelay('fixed'),
  ...REPLICATIONS.map((protocol) => catenarySystem({ protocol })),
  etcd,
  zookeeper,
  jetstream,
  redis,
  redisWait,
]
