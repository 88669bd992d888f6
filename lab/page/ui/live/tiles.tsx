import type { ComponentChildren } from 'preact'
import type { LiveChain, LiveCoordinator, LiveReplica, LiveServer } from '../../serve/snapshot.ts'

interface Pair {
  readonly name: string
  readonly value: ComponentChildren
  readonly hint?: string
}

function Facts({ pairs }: { readonly pairs: readonly Pair[] }) {
  return (
    <dl>
      {pairs.map(({ name, value, hint }) => (
        <div key={name} title={hint}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

const count = (value: number) => Math.round(value).toLocaleString('en')

export function ServerTile({
  server,
  chain,
  button,
}: {
  readonly server: LiveServer
  readonly chain: LiveChain | null
  readonly button: ComponentChildren
}) {
  const replica = server.replicas.find((one) => one.chain === chain?.chain) ?? null
  const { answers, name, rates } = server
  const role = !answers ? 'does not answer' : (replica?.role ?? 'in no chain')
  return (
    <article
      class={`live-tile server ${answers ? '' : 'silent'} ${replica?.serving === true ? 'serving' : ''}`}
      aria-label={`${name}, ${role}`}
    >
      <header>
        <strong>{name}</strong> <span class="role">{role}</span> {button}
      </header>
      {answers ? (
        <Facts
          pairs={[
            ...(replica === null ? [] : marksOf(replica)),
            {
              name: 'lease',
              value: leaseText(server.leaseMs),
              hint: 'how long strong reads are answered here alone',
            },
            ...(rates === null
              ? []
              : [
                  { name: 'reads/s', value: count(rates.readsPerSecond) },
                  { name: 'writes/s', value: count(rates.writesPerSecond) },
                ]),
            ...(server.storage === 'ok' ? [] : [{ name: 'disk', value: server.storage }]),
          ]}
        />
      ) : (
        <p>{server.error}</p>
      )}
      <footer title={`incarnation ${server.incarnation}`}>{server.address}</footer>
    </article>
  )
}

const marksOf = (replica: LiveReplica): Pair[] => [
  { name: 'epoch', value: replica.epoch },
  { name: 'last', value: count(replica.last), hint: 'the newest entry held' },
  { name: 'durable', value: count(replica.durable), hint: 'the newest entry that survives a power cut here' },
  { name: 'commit', value: count(replica.commit), hint: 'all up to it is clean' },
  { name: 'dirty', value: count(replica.dirty), hint: 'entries held and not committed yet' },
  { name: 'keys', value: count(replica.keys) },
]

const leaseText = (ms: number) => (ms > 0 ? `${(ms / 1000).toFixed(1)} s` : 'none')

export function CoordinatorTile({
  coordinator,
  button,
}: {
  readonly coordinator: LiveCoordinator
  readonly button: ComponentChildren
}) {
  const { name, answers, role, manager } = coordinator
  const said = answers ? role : 'does not answer'
  return (
    <article
      class={`live-tile coordinator ${answers ? '' : 'silent'} ${role === 'leader' ? 'leader' : ''}`}
      aria-label={`${name}, ${said}`}
    >
      <header>
        <strong>{name}</strong> <span class="role">{said}</span> {button}
      </header>
      {answers ? (
        <Facts
          pairs={[
            { name: 'term', value: coordinator.term },
            { name: 'log', value: count(coordinator.lastIndex), hint: 'the last index of its Raft log' },
            { name: 'commit', value: count(coordinator.commit) },
            { name: 'applied', value: count(coordinator.applied) },
            { name: 'sessions', value: coordinator.sessions },
            { name: 'znodes', value: coordinator.znodes },
            ...(manager?.leads === true
              ? [{ name: 'manager', value: 'here', hint: 'it decides on chains' }]
              : []),
          ]}
        />
      ) : (
        <p>{coordinator.error}</p>
      )}
      <footer>{coordinator.address}</footer>
    </article>
  )
}

export function StrangerTile({
  process,
  button,
}: {
  readonly process: { readonly name: string; readonly address: string; readonly error: string | null }
  readonly button: ComponentChildren
}) {
  return (
    <article class="live-tile silent" aria-label={`${process.name}, does not answer`}>
      <header>
        <strong>{process.name}</strong> <span class="role">has not answered yet</span> {button}
      </header>
      <p>{process.error}</p>
      <footer>{process.address}</footer>
    </article>
  )
}
