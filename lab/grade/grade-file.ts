import { Worker } from 'node:worker_threads'
import type { Grade } from './contract.ts'
import { NotGradable } from './grade.ts'
import type { WorkerAnswer } from './worker.ts'

/**
 * Grades a student's file.
 *
 * @throws {NotGradable} it cannot be loaded, exports too little, or does not end in time.
 */
export function gradeFile(file: string, timeoutMs: number): Promise<Grade> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: file,
      resourceLimits: { maxOldGenerationSizeMb: 1024 },
    })
    const timer = setTimeout(() => {
      reject(
        new NotGradable(`${file} did not come to an end in ${timeoutMs / 1000} s: is there an endless loop?`),
      )
      void worker.terminate()
    }, timeoutMs)
    worker.once('message', (answer: WorkerAnswer) => {
      if ('grade' in answer) resolve(answer.grade)
      else reject(new NotGradable(answer.refused))
      void worker.terminate()
    })
    worker.once('error', (error) => reject(new NotGradable(`${file}: ${error.message}`, { cause: error })))
    worker.once('exit', () => {
      clearTimeout(timer)
      reject(new NotGradable(`${file} ended the grader before it was done`))
    })
  })
}
