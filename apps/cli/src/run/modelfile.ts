import { columns } from '../terminal/output.ts';
import { type Parameters, parameterValues } from './parameters.ts';
import type { Conversation } from './conversation.ts';

/** Returns the settings of a conversation as an Ollama Modelfile. */
export function modelfile({ model, system, parameters }: Conversation): readonly string[] {
  return [
    `FROM ${model}`,
    ...(system === undefined ? [] : [`SYSTEM """${system}"""`]),
    ...parameterValues(parameters).flatMap(([name, values]) =>
      values.map((value) => `PARAMETER ${name} ${name === 'stop' ? JSON.stringify(value) : value}`),
    ),
  ];
}

export function shownParameters(parameters: Parameters): readonly string[] {
  const rows = parameterValues(parameters).flatMap(([name, values]) => values.map((value) => [name, value]));
  return rows.length === 0 ? ['No parameters are set: the model’s defaults apply.'] : columns(rows);
}
