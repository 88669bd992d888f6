/** The whole board, as of now. */
import type { ParcelSight } from '../../simulator/kernel/parcel.ts'
import {
  configViews,
  coordinatorView,
  newestTree,
  sessionViews,
  watchViews,
  znodeViews,
} from './look-coordinator.ts'
import { processView, serverView } from './look-server.ts'
import { fieldsOf } from './message-words.ts'
import type { Run } from './run.ts'
import { shared } from './share.ts'
import {
  type BoardView,
  type ClientView,
  type CoordinatorView,
  MESSAGES_SHOWN_MAX,
  type MessageView,
  OPERATIONS_SHOWN_MAX,
} from './view.ts'
import { workloadOperations } from './workload-view.ts'

const ANSWERS_SHOWN_MAX = 20

/** Makes views of one run; each shares with the one before what has not changed. */
export class Looker {
  readonly #run: Run
  #view: BoardView | null = null
  #messages = new Map<number, MessageView>()
  #zxid = -1
  #actions = -1

  constructor(run: Run) {
    this.#run = run
  }

  look(): BoardView {
    const run = this.#run
    const before = this.#view
    const { atMs, events, actions } = run
    if (before !== null && before.atMs === atMs && before.events === events && this.#actions === actions)
      return before
    this.#actions = actions
    const { cluster } = run
    const messages = this.#lookAtMessages()
    const next: BoardView = {
      atMs,
      events,
      servers: cluster.servers.map((server) =>
        serverView(server, { sessionTimeoutMs: run.options.sessionTimeoutMs, startUs: run.startUs }),
      ),
      coordinators: this.#coordinators(),
      clients: this.#clients(),
      configs: configViews(cluster),
      messages: messages.shown,
      messagesHidden: messages.hidden,
      links: cluster.network.faults(),
      ...this.#lookAtTree(before),
      watches: watchViews(cluster),
      answers: run.session.answers.slice(-ANSWERS_SHOWN_MAX),
      caption: run.caption,
      arrowCount: run.arrows.count,
    }
    this.#view = shared(before, next)
    return this.#view
  }

  #coordinators(): CoordinatorView[] {
    const { cluster } = this.#run
    return cluster.coordinators.flatMap((coordinator) => {
      const process = cluster.process(coordinator.name)
      if (process === null) return []
      const manages = cluster.managers.get(coordinator.name)?.status().leads === true
      return [coordinatorView(coordinator, process, manages)]
    })
  }

  #clients(): ClientView[] {
    const run = this.#run
    return [...run.visitors.values()].map(({ client, operations }) => {
      const own = operations.slice(-OPERATIONS_SHOWN_MAX)
      const { process } = client
      if (!run.options.workload) return { ...processView(process), operations: own }
      const drawn = workloadOperations(run.cluster.history.events, process.name, run.startUs)
      const all = [...drawn, ...own].sort((a, b) => a.calledMs - b.calledMs)
      return { ...processView(process), operations: all.slice(-OPERATIONS_SHOWN_MAX) }
    })
  }

  /** The tree is large and changes seldom. */
  #lookAtTree(before: BoardView | null): Pick<BoardView, 'znodes' | 'sessions'> {
    const tree = newestTree(this.#run.cluster)
    if (tree === null) return { znodes: before?.znodes ?? [], sessions: before?.sessions ?? [] }
    if (before !== null && tree.zxid === this.#zxid)
      return { znodes: before.znodes, sessions: before.sessions }
    this.#zxid = tree.zxid
    return { znodes: znodeViews(tree), sessions: sessionViews(tree) }
  }

  #lookAtMessages(): { shown: MessageView[]; hidden: number } {
    const run = this.#run
    const parcels = run.cluster.network.parcels()
    parcels.sort((a, b) => a.id - b.id)
    const shown = parcels.length <= MESSAGES_SHOWN_MAX ? parcels : this.#mostTelling(parcels)
    const views = shown.map((parcel) => this.#messageView(parcel))
    this.#messages = new Map(views.map((view) => [view.id, view]))
    return { shown: views, hidden: parcels.length - shown.length }
  }

  #mostTelling(parcels: readonly ParcelSight[]): ParcelSight[] {
    const telling = parcels.filter(({ id }) => this.#run.words.get(id)?.routine !== true)
    return telling.slice(0, MESSAGES_SHOWN_MAX)
  }

  #messageView(parcel: ParcelSight): MessageView {
    const { startUs, words } = this.#run
    const held = parcel.held === 'hand' ? 'visitor' : parcel.held
    const dueMs = parcel.dueUs === null ? null : (parcel.dueUs - startUs) / 1000
    const known = this.#messages.get(parcel.id)
    if (known !== undefined)
      return known.dueMs === dueMs && known.held === held ? known : { ...known, dueMs, held }
    const told = words.get(parcel.id)
    return {
      id: parcel.id,
      from: parcel.from,
      to: parcel.to,
      plane: told?.plane ?? 'chain',
      label: told?.label ?? 'message',
      kind: told?.kind ?? 'message',
      fields: fieldsOf(parcel),
      sentMs: (parcel.sentUs - startUs) / 1000,
      dueMs,
      held,
      routine: told?.routine ?? false,
    }
  }
}
