import { turnChapter } from '../guide/chapter-turn.tsx'
import { JUMPS, jumpTo, SPEEDS } from '../panels/time-bar.tsx'
import { setLecture } from '../panels/top-bar.tsx'
import type { Page } from './page.ts'

function faster(page: Page, by: number): void {
  const place = SPEEDS.findIndex(([speed]) => speed >= page.runner.speed)
  const next = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, place + by))]
  if (next !== undefined) page.runner.setSpeed(next[0])
}

/** @returns whether the key meant something. */
function press(page: Page, key: string): boolean {
  const { runner, state } = page
  const jump = JUMPS.find(([, , letter]) => letter === key)
  if (jump !== undefined) void jumpTo(page, jump[0], jump[1])
  else if (key === ' ') {
    if (runner.playing) runner.pause()
    else runner.play()
  } else if (key === '.') void runner.step()
  else if (key === '[') faster(page, -1)
  else if (key === ']') faster(page, 1)
  else if (key === 'f') setLecture(page, !state.lecture)
  else if (key === 'g') page.set({ guideOpen: !state.guideOpen })
  else if (key === '?') page.set({ dialog: 'keys' })
  else if (key === 'Escape') page.set({ pinned: null })
  else if (state.lecture && key === 'PageDown') turnChapter(page, 1)
  else if (state.lecture && key === 'PageUp') turnChapter(page, -1)
  else return false
  return true
}

/** Keys of the whole page: not while somebody types, chooses, or has a dialog before them. */
export function listenToKeys(page: Page): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || page.state.route.type === 'live') return
    const target = event.target as HTMLElement
    if (target.closest('input:not([type=range]), select, textarea, dialog') !== null) return
    if (event.key === ' ' && target.closest('button, summary, a, [role=button]') !== null) return
    if (press(page, event.key)) event.preventDefault()
  }
  document.addEventListener('keydown', onKey)
  return () => document.removeEventListener('keydown', onKey)
}
