import { useEffect, useMemo, useState } from 'preact/hooks'
import type { EditableLogs, StageScenario } from '../../chapters/chapter.ts'
import type { StageFrame, StageNode } from '../../stage/frame.ts'
import { Field } from '../parts/field.tsx'
import { HistoryChart } from './history-chart.tsx'
import { StageSpaceTime } from './stage-space-time.tsx'

const PLAY_MS = 2600
const HEIGHT = 150

/** A scenario that was computed beforehand: leafed through like slides. */
export function StageView({ scenario }: { readonly scenario: StageScenario }) {
  const [frames, setFrames] = useState<readonly StageFrame[]>(() => scenario.frames())
  const [at, setAt] = useState(0)
  const [playing, setPlaying] = useState(false)
  const last = frames.length - 1
  const frame = frames[Math.min(at, last)]
  useEffect(() => {
    if (!playing) return
    if (at >= last) return setPlaying(false)
    const timer = setTimeout(() => setAt(at + 1), PLAY_MS)
    return () => clearTimeout(timer)
  }, [playing, at, last])
  if (frame === undefined) return null
  const go = (to: number) => setAt(Math.max(0, Math.min(last, to)))
  return (
    <section class="stage" aria-label={scenario.title}>
      <h2 class="stage-title">{scenario.title}</h2>
      <Scene frame={frame} />
      <p class={`stage-caption ${frame.tone}`} aria-live="polite">
        {frame.caption} {frame.cites !== null && <cite>{frame.cites}</cite>}
      </p>
      <p class="stage-tools">
        <button type="button" disabled={at === 0} onClick={() => go(at - 1)} aria-label="the picture before">
          ‹ back
        </button>
        <button
          type="button"
          class="primary"
          disabled={at === last}
          onClick={() => go(at + 1)}
          aria-label="the next picture"
        >
          next ›
        </button>
        <button type="button" onClick={() => setPlaying(!playing)} disabled={at === last}>
          {playing ? 'Pause' : 'Play'}
        </button>
        <input
          type="range"
          min="0"
          max={last}
          value={at}
          aria-label="picture"
          aria-valuetext={`${at + 1} of ${frames.length}`}
          onInput={(event) => go(Number(event.currentTarget.value))}
        />
        <span class="hint">
          {at + 1} of {frames.length}
        </span>
      </p>
      {frames.every(({ operations }) => operations.length === 0) ? (
        <StageSpaceTime frames={frames} at={at} onGo={go} />
      ) : (
        <HistoryChart
          culprits={new Set()}
          until={frames.length}
          operations={frame.operations.map((operation, id) => ({ id, ...operation }))}
        />
      )}
      {scenario.logs !== undefined && (
        <Logs
          logs={scenario.logs}
          onFrames={(made) => {
            setFrames(made)
            setAt(0)
          }}
        />
      )}
    </section>
  )
}

function Logs({
  logs,
  onFrames,
}: {
  readonly logs: EditableLogs
  readonly onFrames: (frames: readonly StageFrame[]) => void
}) {
  const [texts, setTexts] = useState(logs.initial)
  const [error, setError] = useState<string | null>(null)
  const run = (event: Event) => {
    event.preventDefault()
    try {
      onFrames(logs.frames(texts))
      setError(null)
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : String(caught))
    }
  }
  return (
    <form class="composer" onSubmit={run} aria-label="logs to begin with">
      {Object.entries(texts).map(([name, text]) => (
        <Field
          key={name}
          label={name}
          value={text}
          onChange={(changed) => setTexts({ ...texts, [name]: changed })}
          wide
          charactersMax={60}
        />
      ))}
      <button type="submit" class="primary">
        With these logs
      </button>
      {error !== null && (
        <p role="alert" class="stage-caption bad">
          {error}
        </p>
      )}
    </form>
  )
}

function Node({ node }: { readonly node: StageNode }) {
  const { id, role, state, term, slots, dropped, notes } = node
  return (
    <section class={`stage-node ${state === 'up' ? '' : 'off'}`} aria-label={`${id}, ${role}, ${state}`}>
      <p>
        <b>{id}</b> {role === id || role === state ? '' : role}{' '}
        {term !== null && <span class="epoch">term {term}</span>}
        {state !== 'up' && <span class="fault"> {state}</span>}
      </p>
      {slots.length > 0 && (
        <div class="raft-log">
          {slots.map(({ index, text, mark }) => (
            <span
              key={index}
              class={`term-slot ${mark === 'plain' ? 'open' : mark}`}
              title={`slot ${index}, ${mark}`}
            >
              {text}
            </span>
          ))}
        </div>
      )}
      {dropped.length > 0 && (
        <div class="raft-log dropped">
          {dropped.map(({ index, text }) => (
            <s key={index} class="term-slot">
              {text}
            </s>
          ))}
        </div>
      )}
      {notes.map((note) => (
        <p key={note} class="note">
          {note}
        </p>
      ))}
    </section>
  )
}

/** Who sends to whom, drawn between columns. */
function Scene({ frame }: { readonly frame: StageFrame }) {
  const { nodes, arrows } = frame
  const places = useMemo(() => new Map(nodes.map(({ id }, i) => [id, (i + 0.5) / nodes.length])), [nodes])
  const height = arrows.length === 0 ? 24 : Math.max(60, Math.min(HEIGHT, 34 + arrows.length * 24))
  return (
    <div class="scene">
      <div class="stage-nodes" style={{ gridTemplateColumns: `repeat(${nodes.length}, minmax(0, 1fr))` }}>
        {nodes.map((node) => (
          <Node key={node.id} node={node} />
        ))}
      </div>
      <svg
        class="stage-arrows"
        viewBox={`0 0 1000 ${height}`}
        style={{ height: `${height}px` }}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${arrows.length} messages`}
      >
        <defs>
          <marker
            id="stage-arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto"
          >
            <path d="M0 0L8 4L0 8Z" />
          </marker>
        </defs>
        {arrows.map(({ from, to, outcome }, i) => {
          const [a, b] = [(places.get(from) ?? 0) * 1000, (places.get(to) ?? 0) * 1000]
          const y = 20 + ((height - 34) * (i + 0.5)) / arrows.length
          const end = outcome === 'delivered' ? b : (a + b) / 2
          return (
            <line
              key={`${from} ${to} ${i}`}
              class={outcome}
              x1={a}
              x2={end}
              y1={y}
              y2={y}
              marker-end="url(#stage-arrow)"
            />
          )
        })}
      </svg>
      <ol class="stage-labels" style={{ height: `${height}px` }}>
        {arrows.map(({ from, to, label, fields, outcome }, i) => {
          const middle = ((places.get(from) ?? 0) + (places.get(to) ?? 0)) / 2
          const top = 20 + ((height - 34) * (i + 0.5)) / arrows.length
          return (
            <li
              key={`${from} ${to} ${i}`}
              class={outcome}
              style={{ left: `${middle * 100}%`, top: `${top - 9}px` }}
              title={fields.join('\n')}
            >
              <span class="sr">
                {from} to {to}:{' '}
              </span>
              {label}
              {outcome === 'delivered' ? '' : ` ✕ ${outcome}`}
            </li>
          )
        })}
      </ol>
    </div>
  )
}
