/** Everything that can be compared, in the order in which a first round visits it. */
import type { System } from './system.ts'
import { etcd } from './systems/etcd.ts'
import { jetstream } from './systems/jetstream.ts'
import { redis, redisWait } from './systems/redis.ts'
import { zookeeper } from './systems/zookeeper.ts'

export const ALL_SYSTEMS: readonly System[] = [etcd, zookeeper, jetstream, redis, redisWait]
