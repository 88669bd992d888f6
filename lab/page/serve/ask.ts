/** One question to an http door. */
import { get } from 'node:http'

export interface Answer {
  readonly text: string | null
  readonly error: string | null
}

/** More than any process of a cluster says of itself. */
const BYTES_MAX = 4 * 1024 * 1024

/** Never fails and never hangs: whatever goes wrong is the answer's `error`. */
export function ask(address: string, path: string, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    let text = ''
    const failed = (error: string) => {
      clearTimeout(timer)
      request.destroy()
      resolve({ text: null, error })
    }
    const request = get(`http://${address}${path}`, { agent: false }, (response) => {
      if (response.statusCode !== 200) return failed(`it answers ${response.statusCode}`)
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
        if (text.length > BYTES_MAX) failed('it says too much for a process of a cluster')
      })
      response.on('error', (error) => failed(error.message))
      response.on('end', () => {
        clearTimeout(timer)
        resolve({ text, error: null })
      })
    })
    const timer = setTimeout(() => failed(`no answer in ${timeoutMs} ms`), timeoutMs)
    request.on('error', (error) => failed(error.message))
  })
}
