/** A real cluster, as its processes tell it; they may die while it is shown. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { LiveChain, LiveSnapshot, StoryLine } from '../../serve/snapshot.ts'
import { CardPartsContext } from '../figure/card-parts.ts'
import { ChainChoice } from '../figure/chain-choice.tsx'
import { Figure } from '../figure/figure.tsx'
import type { Taller } from '../figure/geometry.ts'
import { type Clock, ClockContext, usePage } from '../run/page.ts'
import { Chart } from './chart.tsx'
import { flowsOf, growth } from './flow.ts'
import { FlowLayer } from './flow-layer.tsx'
import './live.css'
import { liveBoard } from './live-board.ts'
import { ActButton, LIVE_PARTS, type LiveSight, LiveSightContext } from './live-cards.tsx'
import { act, type LiveState, type RatePoint, useLiveStream } from './live-stream.ts'

export function LiveView() {
  const page = usePage()
  const state = useLiveStream()
  const { status, snapshot, story, points } = state
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
      <LiveFigure state={state} snapshot={snapshot} />
      <Charts key={page.state.shade} points={points} />
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

/** Room for rates, the address and a button: in narrow cards they take more lines. */
const TALLER: Taller = (row, width) => {
  if (row === 0) return width < WIDE ? 90 : 68
  return width < NARROW ? 138 : width < WIDE ? 70 : 40
}
const NARROW = 120
const WIDE = 185
const EVERY_MS = 100

/** Rings drain while no news comes. */
const WALL_CLOCK: Clock = {
  onPaint: (painter) => {
    painter(Date.now())
    const timer = setInterval(() => painter(Date.now()), EVERY_MS)
    return () => clearInterval(timer)
  },
}

function LiveFigure({ state, snapshot }: { readonly state: LiveState; readonly snapshot: LiveSnapshot }) {
  const page = usePage()
  const { controls, cameMs, leaseLengthMs } = state
  const [problem, setProblem] = useState<string | null>(null)
  const before = state.before[0] ?? null
  const chain = snapshot.chains.find((each) => each.chain === page.state.chain) ?? snapshot.chains[0] ?? null
  const view = useMemo(
    () => liveBoard(snapshot, chain?.chain ?? null, { atMs: cameMs, leaseLengthMs }),
    [snapshot, chain?.chain, cameMs, leaseLengthMs],
  )
  const sight: LiveSight = {
    snapshot,
    controls,
    versionQueries: (server) =>
      chain === null
        ? null
        : growth(before, snapshot, { server, chain }, ({ versionQueries }) => versionQueries),
    act: (process, what) => void act(controls?.token ?? '', process, what).then(setProblem),
  }
  return (
    <LiveSightContext.Provider value={sight}>
      {problem !== null && (
        <p class="notice" role="alert">
          {problem}
        </p>
      )}
      {controls?.busy != null && <p class="live-busy">No buttons yet: {controls.busy}.</p>}
      <ChainChoice configs={view.configs} />
      {chain !== null && <ChainLine chain={chain} />}
      <CardPartsContext.Provider value={LIVE_PARTS}>
        <ClockContext.Provider value={WALL_CLOCK}>
          <Figure
            view={view}
            chain={chain?.chain ?? null}
            taller={TALLER}
            over={(layout) =>
              chain !== null && <FlowLayer flows={flowsOf(before, snapshot, chain)} layout={layout} />
            }
          />
        </ClockContext.Provider>
      </CardPartsContext.Provider>
      {snapshot.strangers.length > 0 && <Strangers strangers={snapshot.strangers} />}
    </LiveSightContext.Provider>
  )
}

function ChainLine({ chain: { chain, epoch, joining, members } }: { readonly chain: LiveChain }) {
  return (
    <p class="live-busy">
      Chain <b>{chain}</b> <span class="epoch">epoch {epoch}</span> {members.length} members, the head at the
      left; on the links: entries down and commits up, a second
      {joining !== null && <span class="live-joining">; {joining} is joining</span>}
    </p>
  )
}

/** Nobody knows what they are, so that they have no place on the board. */
function Strangers({ strangers }: { readonly strangers: LiveSnapshot['strangers'] }) {
  return (
    <ul class="live-strangers" aria-label="processes that have not answered yet">
      {strangers.map(({ name, address, error }) => (
        <li key={address}>
          <b>{name}</b> has not answered yet: {error} <ActButton name={name} />
        </li>
      ))}
    </ul>
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
