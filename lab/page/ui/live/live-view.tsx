/** A real cluster, as its processes tell it; they may die while it is shown. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { LiveChain, LiveControls, LiveServer, LiveSnapshot, StoryLine } from '../../serve/snapshot.ts'
import { Chart } from './chart.tsx'
import './live.css'
import { act, type RatePoint, useLiveStream } from './live-stream.ts'
import { CoordinatorTile, ServerTile, StrangerTile } from './tiles.tsx'

export function LiveView() {
  const { status, snapshot, story, points, controls } = useLiveStream()
  if (status === 'alone') return <Alone />
  if (snapshot === null) return <p class="loading">The cluster is asked…</p>
  return (
    <div class="live">
      <h2>
        A real cluster, live
        <span class={`live-status ${status}`} role="status">
          {status === 'live' ? 'connected' : 'the server of this page does not answer; what follows is old'}
        </span>
      </h2>
      <Processes snapshot={snapshot} controls={controls} />
      <Charts points={points} />
      <StoryList story={story} />
    </div>
  )
}

function Alone() {
  return (
    <div class="live">
      <h2>A real cluster, live</h2>
      <p>No cluster is connected to this page. To see one:</p>
      <ul>
        <li>
          <code>npm start</code> starts one on this machine, breaks every part of it, and prints the address
          of its page;
        </li>
        <li>
          <code>catenary lab --connect 127.0.0.1:8001,127.0.0.1:8002</code> shows one that runs: name the http
          ports of its servers and coordinators.
        </li>
      </ul>
      <p>
        <a href="#board">Back to the board</a>, which needs none.
      </p>
    </div>
  )
}

function Processes({
  snapshot,
  controls,
}: {
  readonly snapshot: LiveSnapshot
  readonly controls: LiveControls | null
}) {
  const [problem, setProblem] = useState<string | null>(null)
  const buttonFor = (name: string) => {
    const mine = controls?.processes.find((process) => process.name === name)
    if (controls === null || mine === undefined) return null
    const what = mine.runs ? 'kill' : 'restart'
    return (
      <button
        type="button"
        class={mine.runs ? 'danger' : 'primary'}
        disabled={controls.busy !== null}
        title={controls.busy ?? undefined}
        aria-label={`${what} ${name}`}
        onClick={() => void act(controls.token, name, what).then(setProblem)}
      >
        {what}
      </button>
    )
  }
  const { coordinators, servers, strangers, chains } = snapshot
  const inChains = new Set(chains.flatMap(({ members }) => members.map(({ server }) => server)))
  return (
    <>
      {problem !== null && (
        <p class="notice" role="alert">
          {problem}
        </p>
      )}
      {controls?.busy != null && <p class="live-busy">No buttons yet: {controls.busy}.</p>}
      {coordinators.length > 0 && (
        <section aria-label="coordinators">
          <h3>Coordinators</h3>
          <div class="live-row">
            {coordinators.map((one) => (
              <CoordinatorTile key={one.name} coordinator={one} button={buttonFor(one.name)} />
            ))}
          </div>
        </section>
      )}
      {chains.map((chain) => (
        <ChainRow key={chain.chain} chain={chain} servers={servers} buttonFor={buttonFor} />
      ))}
      <div class="live-row">
        {servers
          .filter(({ name }) => !inChains.has(name))
          .map((server) => (
            <ServerTile key={server.name} server={server} chain={null} button={buttonFor(server.name)} />
          ))}
        {strangers.map((one) => (
          <StrangerTile key={one.address} process={one} button={buttonFor(one.name)} />
        ))}
      </div>
    </>
  )
}

function ChainRow({
  chain,
  servers,
  buttonFor,
}: {
  readonly chain: LiveChain
  readonly servers: readonly LiveServer[]
  readonly buttonFor: (name: string) => preact.JSX.Element | null
}) {
  return (
    <section aria-label={`chain ${chain.chain}`}>
      <h3>
        Chain {chain.chain} <span class="epoch">epoch {chain.epoch}</span>{' '}
        {chain.joining !== null && <span class="live-joining">{chain.joining} is joining</span>}
      </h3>
      <ol class="live-row live-chain">
        {chain.members.map((member) => {
          const server = servers.find(({ name }) => name === member.server)
          return (
            <li key={member.server}>
              {server === undefined ? (
                <p class="live-tile silent">{member.server}: not among the addresses that are asked</p>
              ) : (
                <ServerTile server={server} chain={chain} button={buttonFor(member.server)} />
              )}
            </li>
          )
        })}
      </ol>
    </section>
  )
}

function Charts({ points }: { readonly points: readonly RatePoint[] }) {
  const { times, rates, latencies } = useMemo(() => {
    const all = points.map((point) => point.rates)
    return {
      times: points.map(({ atMs }) => atMs / 1000),
      rates: [
        { label: 'reads', colour: '--clean', values: all.map((one) => one?.readsPerSecond ?? null) },
        { label: 'writes', colour: '--dirty', values: all.map((one) => one?.writesPerSecond ?? null) },
      ],
      latencies: [
        { label: 'read p50', colour: '--clean', values: all.map((one) => one?.readP50Ms ?? null) },
        {
          label: 'read p99',
          colour: '--clean',
          dashed: true,
          values: all.map((one) => one?.readP99Ms ?? null),
        },
        { label: 'write p50', colour: '--dirty', values: all.map((one) => one?.writeP50Ms ?? null) },
        {
          label: 'write p99',
          colour: '--dirty',
          dashed: true,
          values: all.map((one) => one?.writeP99Ms ?? null),
        },
      ],
    }
  }, [points])
  if (points.every((point) => point.rates === null))
    return (
      <p class="live-busy">Rates and latencies are shown once http ports of servers have answered twice.</p>
    )
  return (
    <div class="live-charts">
      <Chart title="Requests answered" unit="per second" times={times} lines={rates} />
      <Chart title="Latency at the servers’ doors" unit="ms" times={times} lines={latencies} />
    </div>
  )
}

const timeText = (atMs: number) => new Date(atMs).toLocaleTimeString('en-GB')

function StoryList({ story }: { readonly story: readonly StoryLine[] }) {
  const list = useRef<HTMLOListElement>(null)
  useEffect(() => {
    if (list.current !== null) list.current.scrollTop = list.current.scrollHeight
  }, [story.length])
  return (
    <section aria-label="what happened">
      <h3>What happened</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach it */}
      <ol class="live-story" ref={list} tabIndex={0} aria-live="polite">
        {story.map((line, i) => (
          <li key={`${line.atMs} ${i}`} class={line.kind}>
            <time>{timeText(line.atMs)}</time> {line.text}
          </li>
        ))}
      </ol>
    </section>
  )
}
