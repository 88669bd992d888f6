import { useState } from 'preact/hooks'
import { MUTANTS, type MutantName } from '../../board/mutants.ts'
import { memo } from '../parts/memo.tsx'
import { Choice, Menu } from '../parts/menu.tsx'
import { type PageState, usePage } from '../run/page.ts'
import { setTheme, type Theme } from '../run/theme.ts'

const THEMES: Readonly<Record<Theme, readonly [Theme, string]>> = {
  system: ['light', '◐'],
  light: ['dark', '☀'],
  dark: ['system', '☾'],
}

/** What can happen to everybody, or between any two. */
function FaultsMenu({ names }: { readonly names: readonly string[] }) {
  const { runner } = usePage()
  const [from, setFrom] = useState(names[0] ?? '')
  const [to, setTo] = useState(names[1] ?? '')
  const cut = (both: boolean) => void runner.act({ type: 'cut', from, to, both })
  const choose = (label: string, value: string, set: (name: string) => void) => (
    <select aria-label={label} value={value} onChange={(event) => set(event.currentTarget.value)}>
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  )
  return (
    <Menu label="Faults" name="faults of everybody">
      <Choice danger onChoose={() => void runner.act({ type: 'blackout' })}>
        Power cut of everything
      </Choice>
      <Choice onChoose={() => void runner.act({ type: 'heal-all' })}>Heal every link</Choice>
      <Choice onChoose={() => void runner.act({ type: 'add-server' })}>Add a server</Choice>
      <fieldset class="link-faults">
        <legend>A link</legend>
        {choose('one end', from, setFrom)} {choose('other end', to, setTo)}
        <div class="choices">
          <Choice onChoose={() => cut(true)}>Cut both ways</Choice>
          <Choice onChoose={() => cut(false)}>Cut one way</Choice>
          <Choice onChoose={() => void runner.act({ type: 'slow-link', from, to, factor: 10 })}>
            Slow ×10
          </Choice>
          <Choice onChoose={() => void runner.act({ type: 'heal', from, to, both: true })}>Heal</Choice>
        </div>
      </fieldset>
      <p class="hint">A process’s own faults are behind its name.</p>
    </Menu>
  )
}

interface TopBarProps {
  readonly state: PageState
  /** Of all processes, joined by spaces; empty: no run. */
  readonly names: string
  readonly mutant: MutantName | null
  readonly hasLive: boolean
}

export const TopBar = memo(({ state, names, mutant, hasLive }: TopBarProps) => {
  const page = usePage()
  const { theme, lecture, guideOpen, route } = state
  const [next, sign] = THEMES[theme]
  const onBoard = route.type === 'board'
  return (
    <header class="top-bar">
      <h1>
        <svg viewBox="0 0 32 20" aria-hidden="true">
          <path d="M2 3Q16 33 30 3" />
        </svg>
        Catenary
      </h1>
      {onBoard && (
        <>
          <button
            type="button"
            aria-pressed={guideOpen}
            title="hide or show the guide (g)"
            onClick={() => page.set({ guideOpen: !guideOpen })}
          >
            Guide
          </button>
          <button
            type="button"
            title="another seed, other options, or a rule left out"
            onClick={() => page.set({ dialog: 'setup' })}
          >
            New run
          </button>
          {names !== '' && <FaultsMenu names={names.split(' ')} />}
          <button
            type="button"
            title="a link that replays exactly this"
            onClick={() => page.set({ dialog: 'share' })}
          >
            Share
          </button>
        </>
      )}
      {hasLive && (
        <button
          type="button"
          aria-pressed={!onBoard}
          onClick={() => {
            location.hash = onBoard ? 'live' : ''
          }}
        >
          Real cluster
        </button>
      )}
      {mutant !== null && (
        <p class="mutant" title={MUTANTS[mutant].tryThis}>
          Left out: {MUTANTS[mutant].title}
        </p>
      )}
      <span class="spring" />
      <button
        type="button"
        title="full screen, for a lecture (f)"
        aria-pressed={lecture}
        onClick={() => setLecture(page, !lecture)}
      >
        Lecture
      </button>
      <button
        type="button"
        class="quiet"
        title={`colours: ${theme}; click for ${next}`}
        aria-label={`colours: ${theme}`}
        onClick={() => setTheme(page, next)}
      >
        {sign}
      </button>
      <button
        type="button"
        class="quiet"
        aria-label="keys"
        title="keys (?)"
        onClick={() => page.set({ dialog: 'keys' })}
      >
        ?
      </button>
    </header>
  )
})

/** Whole screen, where the browser lets us; large type in any case. */
export function setLecture(page: ReturnType<typeof usePage>, lecture: boolean): void {
  page.set({ lecture, guideOpen: !lecture })
  if (lecture) void document.documentElement.requestFullscreen?.().catch(() => undefined)
  else if (document.fullscreenElement !== null) void document.exitFullscreen()
}
