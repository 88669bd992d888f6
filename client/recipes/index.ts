/** `catenary/recipes`: what is built from znodes, watches and sessions alone; works with Apache ZooKeeper, too. See docs/RECIPES.md. */
export { update } from './compare-and-set.ts'
export {
  type Configuration,
  type Parts,
  publishAtOnce,
  publishWithReady,
  readAtOnce,
  readWithReady,
  tryReadWithReady,
  watchConfiguration,
} from './configuration.ts'
export { addTo } from './counter.ts'
export { enterBarrier, type Inside } from './double-barrier.ts'
export { becomeLeader, leaderOf } from './election.ts'
export { joinGroup, watchGroup } from './group.ts'
export type { HeldZnode } from './held-znode.ts'
export { acquireLock, acquireSimpleLock } from './lock.ts'
export type { WaitOptions } from './persistence.ts'
export { dequeue, enqueue, type QueueItem } from './queue.ts'
export { acquireReadLock, acquireWriteLock } from './read-write-lock.ts'
export { announce, meet, openRendezvous } from './rendezvous.ts'
