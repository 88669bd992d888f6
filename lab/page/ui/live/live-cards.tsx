import { type ComponentChildren, createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { LiveControls, LiveCoordinator, LiveServer, LiveSnapshot } from '../../serve/snapshot.ts'
import type { CardParts } from '../figure/card-parts.ts'
import { shortName } from '../figure/node-menu.tsx'
import { whyIsSilent } from './live-board.ts'
import { shortNumber } from './short-number.ts'

/** What the cards of a real cluster say beyond what the board draws. */
export interface LiveSight {
  readonly snapshot: LiveSnapshot
  readonly controls: LiveControls | null
  /** A second, of a server in the chain that is drawn; null: not known. */
  readonly versionQueries: (server: string) => number | null
  readonly act: (process: string, what: 'kill' | 'restart') => void
}

export const LiveSightContext = createContext<LiveSight | null>(null)

export const LIVE_PARTS: CardParts = {
  Name: ({ node }) => <b class="live-name">{shortName(node.name)}</b>,
  More: ({ name }) => {
    const sight = useContext(LiveSightContext)
    if (sight === null) return null
    const { snapshot } = sight
    const server = snapshot.servers.find((each) => each.name === name)
    const coordinator = snapshot.coordinators.find((each) => each.name === name)
    const why = whyIsSilent(snapshot, name)
    return (
      <footer class="live-more">
        {why !== null && <p class="why">{why}</p>}
        {why === null && server !== undefined && <ServerFacts server={server} sight={sight} />}
        {why === null && coordinator !== undefined && <CoordinatorFacts coordinator={coordinator} />}
        <p class="live-foot">
          <ActButton name={name} />
          <small>{(server ?? coordinator)?.address}</small>
        </p>
      </footer>
    )
  },
}

/** None for processes that were not started by who serves the page. */
export function ActButton({ name }: { readonly name: string }) {
  const sight = useContext(LiveSightContext)
  const process = sight?.controls?.processes.find((each) => each.name === name)
  if (sight == null || process === undefined) return null
  const busy = sight.controls?.busy ?? null
  const what = process.runs ? 'kill' : 'restart'
  return (
    <button
      type="button"
      class={process.runs ? 'danger' : 'primary'}
      disabled={busy !== null}
      title={busy ?? undefined}
      aria-label={`${what} ${name}`}
      onClick={() => sight.act(name, what)}
    >
      {what}
    </button>
  )
}

function ServerFacts({ server, sight }: { readonly server: LiveServer; readonly sight: LiveSight }) {
  const { rates, replicas, storage } = server
  const dirty = replicas.reduce((sum, replica) => sum + replica.dirty, 0)
  const questions = sight.versionQueries(server.name) ?? 0
  return (
    <p class="live-facts">
      {rates !== null && (
        <>
          <Fact hint="at this server’s doors">{shortNumber(rates.readsPerSecond)} reads/s</Fact>
          <Fact hint="at this server’s doors">{shortNumber(rates.writesPerSecond)} writes/s</Fact>
        </>
      )}
      {dirty > 0 && (
        <Fact hint="entries that are held and not committed yet">
          <b class="dirty-count">{shortNumber(dirty)} dirty</b>
        </Fact>
      )}
      {questions > 0 && (
        <Fact hint="version queries: reads of dirty keys need the tail (CRAQ §2.3)">
          asks the tail {shortNumber(questions)}/s
        </Fact>
      )}
      {replicas.length > 0 && (
        <Fact>{shortNumber(replicas.reduce((sum, { keys }) => sum + keys, 0))} keys</Fact>
      )}
      {storage !== 'ok' && <Fact bad>disk: {storage}</Fact>}
    </p>
  )
}

function CoordinatorFacts({ coordinator }: { readonly coordinator: LiveCoordinator }) {
  const { sessions, znodes, watches } = coordinator
  return (
    <p class="live-facts">
      <Fact>{sessions} sessions</Fact>
      <Fact>{znodes} znodes</Fact>
      <Fact>{watches} watches</Fact>
    </p>
  )
}

function Fact(props: {
  readonly hint?: string
  readonly bad?: boolean
  readonly children: ComponentChildren
}) {
  return (
    <span title={props.hint} class={props.bad === true ? 'fault' : ''}>
      {props.children}
    </span>
  )
}
