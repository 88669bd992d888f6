/** A load process: its parent sends it one task, and it answers with what it counted. */
import { openTarget } from './open-target.ts'
import { LoadError, type Part, runLoad } from './run-load.ts'
import type { Count } from './tally.ts'
import type { Target } from './target.ts'
import type { LoadTask } from './task.ts'

export interface LoadOrder {
  readonly task: LoadTask
  readonly part: Part
}

export type LoadMessage =
  /** Connected: the load begins when the parent says so, that of several processes at once. */
  | { readonly type: 'ready' }
  | { readonly type: 'span' }
  | { readonly type: 'done'; readonly count: Count }
  /** `count`: null where nothing had begun. */
  | { readonly type: 'failed'; readonly message: string; readonly count: Count | null }

const tell = (message: LoadMessage) =>
  new Promise<void>((resolve) => {
    if (process.send === undefined) resolve()
    else process.send(message, undefined, undefined, () => resolve())
  })

async function work({ task, part }: LoadOrder): Promise<void> {
  let target: Target | null = null
  try {
    target = await openTarget(task.target, { retries: task.tolerateErrors })
    const go = new Promise<void>((resolve) => process.once('message', () => resolve()))
    await tell({ type: 'ready' })
    await go
    const span = setTimeout(() => void tell({ type: 'span' }), task.warmUpMs)
    try {
      await tell({ type: 'done', count: await runLoad(task, target, part) })
    } finally {
      clearTimeout(span)
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    await tell({ type: 'failed', message, count: error instanceof LoadError ? error.count : null })
  }
  await target?.close()
  process.exit(0)
}

process.once('disconnect', () => process.exit(0))
process.once('SIGINT', () => {}) // of the terminal, which sends it to all: this process ends with its parent
process.once('message', (order: LoadOrder) => void work(order))
