import type { Target, TargetSpec } from './target.ts'

export interface OpenOptions {
  /** Where errors are tolerated, a client retries after a redirect or a lost connection, as applications do; else the first failure is an error. */
  readonly retries: boolean
}

type Open<Kind extends TargetSpec['kind']> = (
  spec: Extract<TargetSpec, { kind: Kind }>,
  options: OpenOptions,
) => Target | Promise<Target>

/** One module for each kind, loaded when it is needed: a load process holds the client that it uses, and no other. */
const OPEN: { readonly [Kind in TargetSpec['kind']]: () => Promise<Open<Kind>> } = {
  catenary: async () => (await import('./targets/catenary.ts')).openTarget,
  bare: async () => (await import('./targets/bare.ts')).openTarget,
  etcd: async () => (await import('./targets/etcd.ts')).openTarget,
  zookeeper: async () => (await import('./targets/zookeeper.ts')).openTarget,
  jetstream: async () => (await import('./targets/jetstream.ts')).openTarget,
  redis: async () => (await import('./targets/redis.ts')).openTarget,
}

/**
 * Connects to a store. The target is ready: what it needs to know of the store, it knows.
 *
 * @throws where the store cannot be reached.
 */
export async function openTarget(
  spec: TargetSpec,
  options: OpenOptions = { retries: false },
): Promise<Target> {
  const open = (await OPEN[spec.kind]()) as Open<TargetSpec['kind']>
  return open(spec, options)
}
