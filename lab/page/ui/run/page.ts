import { createContext } from 'preact'
import { useContext, useLayoutEffect, useState } from 'preact/hooks'
import type { Scenario } from '../../chapters/chapter.ts'
import { type Painter, Runner } from './runner.ts'
import type { Shade, Theme } from './theme.ts'

export type Route = { readonly type: 'board' } | { readonly type: 'live' }

/** What the page shows, apart from the run itself. */
export interface PageState {
  readonly route: Route
  readonly theme: Theme
  /** What the theme comes to; whatever reads colours to draw with them depends on it. */
  readonly shade: Shade
  readonly lecture: boolean
  readonly guideOpen: boolean
  /** Null: the welcome. */
  readonly chapter: string | null
  readonly scenario: Scenario | null
  readonly client: string
  readonly chain: string | null
  readonly routine: boolean
  readonly pinned: number | null
  readonly dialog: 'setup' | 'share' | 'keys' | 'source' | null
  readonly tab: 'space-time' | 'znodes' | 'story'
}

const FIRST: PageState = {
  route: { type: 'board' },
  theme: 'system',
  shade: 'light',
  lecture: false,
  guideOpen: true,
  chapter: null,
  scenario: null,
  client: 'client-1',
  chain: null,
  routine: false,
  pinned: null,
  dialog: null,
  tab: 'space-time',
}

export class Page {
  readonly runner = new Runner()
  state: PageState = FIRST
  readonly #listeners = new Set<() => void>()

  set(change: Partial<PageState>): void {
    this.state = { ...this.state, ...change }
    for (const listener of this.#listeners) listener()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    const stop = this.runner.onChange(listener)
    return () => {
      this.#listeners.delete(listener)
      stop()
    }
  }
}

export const PageContext = createContext(new Page())
export const usePage = (): Page => useContext(PageContext)

/** For the root: draws again when anything has changed. */
export function useEveryChange(page: Page): void {
  const [, again] = useState(0)
  useLayoutEffect(() => page.onChange(() => again((count) => count + 1)), [page])
}

/** Says when to draw again what moves by itself, and what time it is. */
export interface Clock {
  /** @returns what ends it. */
  onPaint(painter: Painter): () => void
}

/** Null: the run's own. */
export const ClockContext = createContext<Clock | null>(null)

/** Draws what moves by itself, outside the tree: as often as the clock says. */
export function usePainter(painter: Painter, depends: readonly unknown[]): void {
  const { runner } = usePage()
  const clock = useContext(ClockContext) ?? runner
  useLayoutEffect(() => clock.onPaint(painter), [clock, ...depends])
}
