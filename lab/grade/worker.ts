/** Grades one file in a thread of its own, which can be ended where the student's code never comes back. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Grade } from './contract.ts'
import { gradeModule, NotGradable } from './grade.ts'
import { loadStudent } from './load-student.ts'

export type WorkerAnswer = { readonly grade: Grade } | { readonly refused: string }

async function answer(file: string): Promise<WorkerAnswer> {
  try {
    return { grade: gradeModule(await loadStudent(file)) }
  } catch (error) {
    if (error instanceof NotGradable) return { refused: error.message }
    throw error
  }
}

if (parentPort !== null) parentPort.postMessage(await answer(String(workerData)))
