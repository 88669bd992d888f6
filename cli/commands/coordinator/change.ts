import type { Reconfiguration } from '../../../client/coordinator/api.ts'
import { configOf } from '../../../coordinator/znodes/ensemble-rows.ts'
import { type EnsembleArguments, withEnsemble } from '../../ensemble.ts'
import { configJson, configText } from '../../ensemble-members.ts'
import { say, sayJson } from '../../output.ts'

export type ChangeArguments = EnsembleArguments & { readonly json: boolean }

/** Asks for this change, waits until it is done, and shows what has become of the ensemble. */
export function changeEnsemble(args: ChangeArguments, change: Reconfiguration): Promise<void> {
  return withEnsemble(args, async (client) => {
    const { data } = await client.reconfig(change)
    const config = configOf(new TextDecoder().decode(data))
    if (config === null) throw new Error('the coordinators answered with no configuration')
    if (args.json) sayJson(configJson(config))
    else say(configText(config))
  })
}
