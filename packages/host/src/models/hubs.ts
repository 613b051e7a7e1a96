import type { PullOptions } from '@shoal/models';
import { ShoalError } from '@shoal/protocol/error';

/**
 * Returns the addresses and the token of model hubs in the environment: `HF_ENDPOINT`, `SHOAL_OLLAMA_REGISTRY`, `HF_TOKEN`.
 * The token is read from there, because every user of the machine can read a command's flags. Throws `INVALID_REQUEST` that
 * names the variable.
 */
export function hubOptions(environment: NodeJS.ProcessEnv): Pick<PullOptions, 'hubs' | 'huggingFaceToken'> {
  const { HF_TOKEN: token } = environment;
  const huggingFace = address(environment, 'HF_ENDPOINT');
  const ollama = address(environment, 'SHOAL_OLLAMA_REGISTRY');
  return {
    hubs: { huggingFace, ollama },
    ...(token !== undefined && token !== '' && { huggingFaceToken: token }),
  };
}

function address(environment: NodeJS.ProcessEnv, variable: string): URL | undefined {
  const text = environment[variable];
  if (text === undefined || text === '') return undefined;
  const url = URL.parse(text);
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw ShoalError.invalidRequest(`${variable} must be an https address, such as https://mirror.example.`);
}
