import { useEffect, useState } from 'preact/hooks'
import type { LiveControls, LiveEvent, LiveRates, LiveSnapshot, StoryLine } from '../../serve/snapshot.ts'

export interface RatePoint {
  readonly atMs: number
  readonly rates: LiveRates | null
}

export interface LiveState {
  /** `alone`: nobody serves a cluster to this page. */
  readonly status: 'connecting' | 'alone' | 'live' | 'lost'
  readonly snapshot: LiveSnapshot | null
  /** When it came, by the clock of this browser. */
  readonly cameMs: number
  /** What numbers that only grow are compared with: some looks ago, since the time of one look is known badly. */
  readonly before: readonly LiveSnapshot[]
  /** The longest that was seen: that of a fresh one, more or less. */
  readonly leaseLengthMs: number
  readonly story: readonly StoryLine[]
  readonly points: readonly RatePoint[]
  readonly controls: LiveControls | null
}

const STORY_MAX = 500
/** Five minutes of two looks a second. */
const POINTS_MAX = 600

/** Two seconds. */
const BEFORE_MAX = 4

const NOTHING: LiveState = {
  status: 'connecting',
  snapshot: null,
  cameMs: 0,
  before: [],
  leaseLengthMs: 1,
  story: [],
  points: [],
  controls: null,
}

/** The stream of the server of this page, for as long as the view is shown. The browser connects again by itself. */
export function useLiveStream(): LiveState {
  const [state, setState] = useState(NOTHING)
  useEffect(() => {
    if (!location.protocol.startsWith('http')) return setState({ ...NOTHING, status: 'alone' })
    const source = new EventSource('/live/events')
    let fresh = true
    source.onopen = () => {
      fresh = true
    }
    source.onmessage = ({ data }: MessageEvent<string>) => {
      const event = JSON.parse(data) as LiveEvent
      if (event.type === 'alone') {
        source.close()
        return setState({ ...NOTHING, status: 'alone' })
      }
      const anew = fresh
      fresh = false
      setState((old) => after(old, event, anew))
    }
    source.onerror = () => {
      const gone = source.readyState === EventSource.CLOSED
      setState((old) => ({ ...old, status: gone && old.snapshot === null ? 'alone' : 'lost' }))
    }
    return () => source.close()
  }, [])
  return state
}

/** @param anew - the event is the first of a connection, and brings the whole story. */
function after(old: LiveState, event: LiveEvent & { type: 'look' }, anew: boolean): LiveState {
  const { snapshot, story, controls } = event
  return {
    status: 'live',
    snapshot,
    cameMs: Date.now(),
    before: old.snapshot === null ? [] : [...old.before, old.snapshot].slice(-BEFORE_MAX),
    leaseLengthMs: Math.max(old.leaseLengthMs, ...snapshot.servers.map(({ leaseMs }) => leaseMs)),
    controls,
    story: anew ? story : [...old.story, ...story].slice(-STORY_MAX),
    points: [...old.points, { atMs: snapshot.atMs, rates: snapshot.rates }].slice(-POINTS_MAX),
  }
}

/** @returns what went wrong, or null. */
export async function act(token: string, process: string, what: 'kill' | 'restart'): Promise<string | null> {
  try {
    const body = JSON.stringify({ token, process, do: what })
    const response = await fetch('/live/act', { method: 'POST', body })
    return response.ok ? null : (await response.text()).trim()
  } catch {
    return 'the server of this page does not answer'
  }
}
