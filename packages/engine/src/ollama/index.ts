export { createOllama, type OllamaOptions } from './ollama.ts';
