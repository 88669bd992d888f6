import { Component, type ComponentChildren, type ComponentType, type ErrorInfo } from 'preact'
import { useEffect } from 'preact/hooks'
import { ChainChoice } from './figure/chain-choice.tsx'
import { Figure } from './figure/figure.tsx'
import { MessageLayer } from './figure/message-layer.tsx'
import { Guide } from './guide/guide.tsx'
import { HistoryView } from './guide/history-view.tsx'
import { LectureStrip } from './guide/lecture-strip.tsx'
import { StageView } from './guide/stage-view.tsx'
import { CaptionBar } from './panels/caption-bar.tsx'
import { Composer } from './panels/composer.tsx'
import { KeysDialog } from './panels/keys-dialog.tsx'
import { SetupDialog } from './panels/setup-dialog.tsx'
import { ShareDialog } from './panels/share-dialog.tsx'
import { SourceDialog } from './panels/source-dialog.tsx'
import { SpaceTime } from './panels/space-time.tsx'
import { Story } from './panels/story.tsx'
import { TimeBar } from './panels/time-bar.tsx'
import { TopBar } from './panels/top-bar.tsx'
import { VerdictBar } from './panels/verdict-bar.tsx'
import { Znodes } from './panels/znodes.tsx'
import { type Page, PageContext, type PageState, useEveryChange, usePage } from './run/page.ts'

/** The view of a real cluster brings its own code; without it the page is whole, too. */
const LIVE: Readonly<Record<string, { readonly LiveView?: ComponentType }>> = import.meta.glob(
  './live/live-view.tsx',
  { eager: true },
)
const LiveView = Object.values(LIVE)[0]?.LiveView ?? null

const DIALOGS = { setup: SetupDialog, share: ShareDialog, keys: KeysDialog, source: SourceDialog } as const
const TABS: readonly (readonly [PageState['tab'], string])[] = [
  ['space-time', 'Space and time'],
  ['znodes', 'Znodes and sessions'],
  ['story', 'What happened'],
]

export function App({ page }: { readonly page: Page }) {
  useEveryChange(page)
  const { lecture, guideOpen, dialog, route } = page.state
  useEffect(() => {
    document.documentElement.classList.toggle('lecture', lecture)
  }, [lecture])
  const { view } = page.runner
  const names = view === null ? '' : namesOf([...view.servers, ...view.coordinators, ...view.clients])
  const DialogNow = dialog === null ? null : DIALOGS[dialog]
  return (
    <PageContext.Provider value={page}>
      <button type="button" class="skip" onClick={() => document.getElementById('board')?.focus()}>
        To the board
      </button>
      <TopBar
        state={page.state}
        names={names}
        mutant={page.runner.board?.options.mutant ?? null}
        hasLive={LiveView !== null}
      />
      <div class={`page ${guideOpen && route.type === 'board' ? 'with-guide' : ''}`}>
        {guideOpen && route.type === 'board' && <Guide state={page.state} />}
        <main id="board" tabIndex={-1}>
          <Guarded>
            {lecture && route.type === 'board' && <LectureStrip />}
            {route.type === 'live' && LiveView !== null ? <LiveView /> : <Middle />}
          </Guarded>
        </main>
      </div>
      {DialogNow !== null && <DialogNow onClose={() => page.set({ dialog: null })} />}
    </PageContext.Provider>
  )
}

const namesOf = (processes: readonly { readonly name: string }[]): string =>
  processes.map(({ name }) => name).join(' ')

function Middle() {
  const page = usePage()
  const { runner, state } = page
  const { board, error } = runner
  const { scenario } = state
  const notice =
    error === null ? null : (
      <p class="notice" role="alert">
        {error}{' '}
        <button type="button" onClick={() => runner.dismiss()}>
          All right
        </button>
      </p>
    )
  if (scenario?.kind === 'stage') return <StageView key={scenario.id} scenario={scenario} />
  if (scenario?.kind === 'history') return <HistoryView key={scenario.id} scenario={scenario} />
  if (board === null)
    return (
      <>
        {notice}
        <p class="loading">{error === null ? 'The cluster starts…' : ''}</p>
      </>
    )
  const { view, verdict, history } = board
  return (
    <>
      {notice}
      <ChainChoice configs={view.configs} />
      <Figure
        view={view}
        chain={state.chain}
        culprits={verdict.culprits}
        over={(layout) => (
          <MessageLayer
            messages={view.messages}
            hidden={view.messagesHidden}
            faults={view.links}
            layout={layout}
          />
        )}
      />
      {state.lecture && scenario !== null && <p class="lecture-watch">{scenario.watch.join(' ')}</p>}
      <Composer clients={namesOf(view.clients)} servers={namesOf(view.servers)} chosen={state.client} />
      <CaptionBar caption={view.caption} />
      <TimeBar />
      <VerdictBar verdict={verdict} clients={view.clients} />
      <div class="tabs" role="tablist" aria-label="more">
        {TABS.map(([tab, text]) => (
          <button
            key={tab}
            type="button"
            role="tab"
            aria-selected={state.tab === tab}
            onClick={() => page.set({ tab })}
          >
            {text}
          </button>
        ))}
      </div>
      <div class="tab" role="tabpanel">
        {state.tab === 'space-time' && <SpaceTime view={view} verdict={verdict} />}
        {state.tab === 'znodes' && <Znodes view={view} />}
        {state.tab === 'story' && <Story marks={history.marks} />}
      </div>
    </>
  )
}

/** What cannot be drawn is said, and the rest of the page goes on. */
class Guarded extends Component<{ readonly children: ComponentChildren }, { readonly error: string | null }> {
  override state = { error: null }

  override componentDidCatch(error: Error, _info: ErrorInfo): void {
    console.error(error)
    this.setState({ error: error.message })
  }

  override render() {
    const { error } = this.state
    if (error === null) return this.props.children
    return (
      <p class="notice" role="alert">
        This could not be drawn: {error}{' '}
        <button type="button" onClick={() => this.setState({ error: null })}>
          Try again
        </button>
      </p>
    )
  }
}
