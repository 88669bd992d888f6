import { execFile } from 'node:child_process'

/** Runs a program of this system to its end. @returns what it wrote. @throws where it failed, with what it complained of. */
export function systemCommand(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { encoding: 'utf8', timeout: 20_000 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const complaint = stderr.trim().split('\n')[0] ?? ''
      reject(
        new Error(`${program} ${args.join(' ')}: ${complaint === '' ? error.message : complaint}`, {
          cause: error,
        }),
      )
    })
  })
}
