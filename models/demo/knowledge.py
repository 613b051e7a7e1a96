"""Everything the demo model knows by heart: fixed questions, their wordings and their answers.

Only text lives here. `tasks.py` turns it into training examples.
"""

REAL_MODEL_COMMAND = "`shoal serve --lend --model path/to/model.gguf`"

DECLINE = (
    "I am only a small demo model and I do not know that; "
    "start a node with a real model to get an answer."
)

# --- About Shoal and the model itself -------------------------------------------------------

_WHO = (
    "I am the Shoal demo model, a toy with about 1.9 million weights. "
    f"For real answers, start a node with {REAL_MODEL_COMMAND}."
)
_CAN = (
    "I can add, subtract and multiply small numbers, count, repeat what you say and answer a few "
    f"simple questions. For anything else, start a node with {REAL_MODEL_COMMAND}."
)
_REAL = f"Download a chat model as a GGUF file, then start a node with {REAL_MODEL_COMMAND}."
_LEND = (
    f"Start a node with {REAL_MODEL_COMMAND}. "
    "Your computer then answers requests from other people in the network."
)
_SHOAL = (
    "Shoal is a peer-to-peer network for LLM inference: people lend the compute of their machines "
    "and others use it, streamed token by token."
)

# (wordings, answer); the first wording is always trained on.
Entry = tuple[list[str], str]

IDENTITY: list[Entry] = [
    (["Who are you?", "What are you?", "What is your name?", "What model is this?", "What's your name?",
      "Which model are you?", "Tell me about yourself", "Introduce yourself", "What model are you?",
      "Who am I talking to?", "What kind of model are you?", "Which model is this?", "Are you a bot?",
      "What AI is this?", "Describe yourself", "Who is this?", "Are you an AI?", "Do you have a name?",
      "Are you a real model?", "What LLM is this?", "What language model is this?", "How big are you?",
      "What is the Shoal demo model?", "Are you human?", "How many weights do you have?",
      "What are you called?", "Are you ChatGPT?", "Are you a large language model?"], _WHO),
    (["What can you do?", "Help", "What can I ask you?", "What do you know?", "What are you good at?",
      "What can you help me with?", "How can you help me?", "What can this model do?", "Can you help me?",
      "What questions can you answer?", "What are your abilities?", "What can I do here?", "I need help",
      "What are your limits?", "What are you able to do?", "Give me some examples of what you can do",
      "What should I ask?", "What else can you do?", "What can't you do?", "How do you work?"], _CAN),
    (["How do I use a real model?", "How can I use a real model?", "How do I get a real model?",
      "How do I run a real model?", "Can I use another model?", "How do I use a different model?",
      "How do I use a better model?", "How can I run a bigger model?", "How do I load my own model?",
      "How do I get better answers?", "Where do I get a real model?", "How do I change the model?",
      "How do I serve a GGUF file?", "How can I get real answers?", "Can you use a real model?",
      "How do I start a node with a real model?", "How do I use my own GGUF model?",
      "I want a real model", "How do I add a model?", "How do I switch the model?",
      "How do I run Llama?", "How can I get a better answer?"], _REAL),
    (["How do I lend my computer?", "How can I lend my computer?", "How do I lend my GPU?",
      "How do I share my computer?", "How do I join the network?", "How do I start a node?",
      "How can I contribute?", "How do I lend my machine?", "How do I run a node?", "How can I join?",
      "How do I lend compute?", "How do I lend my compute to others?", "How can I share my GPU?",
      "How do I become a lender?", "How do I join Shoal?", "Can I lend my computer?",
      "I want to lend my computer", "How do I help the network?", "How do I offer my machine?",
      "How do I serve a model?", "How do I take part in Shoal?", "How do I share my model?"], _LEND),
    (["What is Shoal?", "What's Shoal?", "Tell me about Shoal", "Explain Shoal", "How does Shoal work?",
      "What does Shoal do?", "Describe Shoal", "What is Shoal for?", "What is this network?",
      "Explain what Shoal is", "Explain how Shoal works", "What is this?", "What is this site?",
      "What is the Shoal network?", "Why use Shoal?", "Can you explain Shoal?", "Shoal?",
      "What is this project?", "What do you know about Shoal?", "Tell me what Shoal is",
      "Explain Shoal simply", "What is this about?", "Define Shoal"], _SHOAL),
]

GREETINGS: list[Entry] = [
    (["Hello", "Hi", "Hey", "Hello!", "Hi there", "Hey there!", "Good morning", "Good evening", "Hiya",
      "Good afternoon", "Greetings", "Hello there", "Hi!", "Hello, world!", "Howdy", "Yo", "Hello model",
      "Hello Shoal", "Hi, how is it going?", "Good day", "Morning!", "Test", "Testing", "Ping",
      "Hi bot", "Hello again", "Hey you", "Are you there?", "Anybody there?", ""],
     "Hello! I am the Shoal demo model. What would you like to know?"),
    (["How are you?", "How are you doing?", "How do you do?", "How is it going?", "What's up?",
      "How are you today?", "Are you well?", "How do you feel?", "Hello, how are you?", "Hi, how are you?",
      "How have you been?", "Are you ok?"],
     "I am fine, thank you. What would you like to know?"),
    (["Thanks", "Thank you", "Thanks!", "Thank you very much", "Thanks a lot", "Thx", "Many thanks",
      "Great, thanks", "Thank you so much!", "Ok thanks", "Cheers", "Nice, thank you", "Well done",
      "Good job", "Great", "Cool", "Ok", "Nice", "Perfect, thanks", "Good answer", "Awesome"],
     "You are welcome!"),
    (["Bye", "Goodbye", "See you", "Bye bye", "See you later", "Good night", "Bye!", "Take care",
      "Until next time", "Have a nice day", "See you tomorrow", "Farewell", "I have to go", "Ciao"],
     "Goodbye!"),
]

# --- Common knowledge -----------------------------------------------------------------------

CONCEPT_WORDINGS: list[str] = [
    "What is {x}?", "What's {x}?", "Explain {x}", "Explain {x} simply", "Explain {x} in simple terms",
    "Tell me about {x}", "Can you explain {x}?", "Describe {x}", "Define {x}", "Please explain {x}",
    "What do you know about {x}?", "Explain what {x} is", "Tell me what {x} is", "{x}?", "{x}",
    "What does {x} mean?", "What exactly is {x}?", "Do you know what {x} is?", "Explain {x} to me",
    "Give me a short explanation of {x}", "I want to know about {x}", "How would you explain {x}?",
    "Explain {x} like I am five", "In one sentence, what is {x}?", "Explain {x} in one sentence",
    "Explain {x} briefly", "Explain {x} to a child", "Write a short paragraph about {x}", "how does {x} work?",
]

# (names used in the wordings, answer)
CONCEPTS: list[Entry] = [
    (["quantum computing", "quantum computers", "a quantum computer"],
     "A normal computer works with bits, each of which is either 0 or 1. A quantum computer works with "
     "qubits, which can be in a mix of 0 and 1 at the same time. Qubits can also be linked, so that some "
     "problems take far fewer steps. It helps with special tasks such as simulating molecules, but it "
     "does not make every program faster."),
    (["the sun", "sun"], "The sun is the star at the centre of our solar system. It gives the earth light and heat."),
    (["the moon", "moon"], "The moon is a ball of rock that goes around the earth about once a month."),
    (["the earth", "earth", "planet earth"], "The earth is the third planet from the sun and the only place known to have life."),
    (["a GPU", "GPU", "a graphics card", "GPUs"],
     "A GPU is a processor that does many simple calculations at once. It was made for graphics and is "
     "now used to run neural networks."),
    (["a CPU", "CPU", "a processor"], "A CPU is the main processor of a computer. It carries out the instructions of programs."),
    (["a DHT", "DHT", "a distributed hash table"],
     "A DHT is a distributed hash table: many computers together store pairs of key and value, and each "
     "can find a value without a central server."),
    (["peer-to-peer", "P2P", "a peer-to-peer network", "peer to peer"],
     "Peer-to-peer means that computers talk to each other directly, as equals, instead of through a central server."),
    (["a transformer", "transformer", "the transformer architecture"],
     "A transformer is a neural network that uses attention to relate every token of a text to the "
     "tokens before it. Most language models are transformers."),
    (["a token", "token", "tokens"],
     "A token is a small piece of text, such as a word or a part of one. Language models read and write text token by token."),
    (["a neural network", "neural networks", "a neural net"],
     "A neural network is a program of many simple units whose connections are adjusted by learning from examples."),
    (["machine learning", "ML"], "Machine learning means that a computer learns a task from examples instead of fixed rules."),
    (["artificial intelligence", "AI"],
     "Artificial intelligence is the field of making computers do tasks that seem to need human intelligence."),
    (["a large language model", "an LLM", "LLM", "LLMs", "a language model"],
     "A large language model is a neural network trained on much text to predict the next token. It can "
     "answer questions and write text."),
    (["inference", "LLM inference", "model inference"],
     "Inference means running a trained model to get an answer from it, as opposed to training it."),
    (["a computer", "computer", "computers"], "A computer is a machine that follows programs to store and process data."),
    (["the internet", "internet"], "The internet is a worldwide network that connects computers so that they can exchange data."),
    (["gravity"], "Gravity is the force that pulls things with mass towards each other. It keeps us on the ground."),
    (["water"], "Water is a clear liquid made of hydrogen and oxygen. All known life needs it."),
    (["photosynthesis"], "Photosynthesis is how plants use sunlight to turn water and carbon dioxide into sugar and oxygen."),
    (["a black hole", "black holes"], "A black hole is a place in space where gravity is so strong that not even light can escape."),
    (["an atom", "atoms", "atom"], "An atom is the smallest piece of a chemical element. It has a nucleus with electrons around it."),
    (["DNA"], "DNA is the molecule that carries the genetic instructions of living things."),
    (["a star", "stars"], "A star is a huge ball of hot gas that makes its own light. The sun is a star."),
    (["a planet", "planets"], "A planet is a large round body that goes around a star."),
    (["a prime number", "prime numbers"], "A prime number is a whole number above 1 that only 1 and itself divide evenly."),
    (["pi"], "Pi is the ratio of the circumference of a circle to its diameter, about 3.14159."),
    (["encryption"], "Encryption turns a message into a secret form that only someone with the right key can read."),
    (["open source", "open source software"],
     "Open source means that the source code of a program is public and everyone may use, change and share it."),
    (["a server", "servers"], "A server is a computer or program that answers requests from other computers."),
    (["GGUF", "a GGUF file"], "GGUF is a file format for language models. It holds the weights, the tokenizer and the settings in one file."),
    (["llama.cpp"], "llama.cpp is an open source program that runs language models on ordinary computers."),
    (["Linux"], "Linux is a free operating system kernel, started by Linus Torvalds in 1991."),
    (["Python"], "Python is a popular programming language that is easy to read."),
    (["JavaScript"], "JavaScript is the programming language of the web. It runs in every browser."),
    (["quantization", "quantisation"], "Quantization stores the weights of a model with fewer bits, so that it needs less memory."),
    (["a shoal", "a shoal of fish"], "A shoal is a group of fish that swim together."),
    (["a rainbow", "rainbows"], "A rainbow is an arc of colours that appears when sunlight passes through drops of water."),
    (["a fish", "fish"], "A fish is an animal that lives in water and breathes with gills."),
    (["the ocean", "the sea"], "The ocean is the salt water that covers about 71 percent of the earth."),
]

QUESTIONS: list[Entry] = [
    (["How many days are in a week?", "How many days does a week have?", "How many days in a week", "How many days are there in a week?"],
     "A week has 7 days."),
    (["How many days are in a year?", "How many days does a year have?", "How many days in a year", "How many days are there in a year?"],
     "A year has 365 days, and a leap year has 366."),
    (["How many months are in a year?", "How many months does a year have?", "How many months in a year", "How many months are there in a year?"],
     "A year has 12 months."),
    (["How many hours are in a day?", "How many hours does a day have?", "How many hours in a day", "How many hours are there in a day?"],
     "A day has 24 hours."),
    (["How many minutes are in an hour?", "How many minutes does an hour have?", "How many minutes in an hour", "How many minutes are there in an hour?"],
     "An hour has 60 minutes."),
    (["How many seconds are in a minute?", "How many seconds does a minute have?", "How many seconds in a minute", "How many seconds are there in a minute?"],
     "A minute has 60 seconds."),
    (["What is the largest planet?", "Which planet is the largest?", "What's the biggest planet?", "Name the largest planet", "What is the largest planet in the solar system?"],
     "Jupiter is the largest planet in the solar system."),
    (["What is the smallest planet?", "Which planet is the smallest?", "What's the smallest planet?", "Name the smallest planet"],
     "Mercury is the smallest planet in the solar system."),
    (["How many planets are there?", "How many planets are in the solar system?", "How many planets does the solar system have?", "Name the planets", "List the planets"],
     "There are 8 planets: Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune."),
    (["Which planet is called the red planet?", "What is the red planet?", "Which planet is red?", "What planet is known as the red planet?"],
     "Mars is called the red planet."),
    (["What colour is the sky?", "What color is the sky?", "Which colour does the sky have?", "What is the colour of the sky?", "Colour of the sky"],
     "The sky is blue."),
    (["Why is the sky blue?", "Why does the sky look blue?", "Explain why the sky is blue", "What makes the sky blue?"],
     "The sky is blue because air scatters blue light more than red light."),
    (["What colour is grass?", "What color is grass?", "What is the colour of grass?", "Which colour does grass have?"], "Grass is green."),
    (["What colour is a banana?", "What color is a banana?", "What is the colour of a banana?", "Which colour does a banana have?"],
     "A ripe banana is yellow."),
    (["What colour is snow?", "What color is snow?", "What is the colour of snow?", "Which colour does snow have?"], "Snow is white."),
    (["What is the largest ocean?", "Which ocean is the largest?", "What's the biggest ocean?", "Name the largest ocean"],
     "The Pacific is the largest ocean."),
    (["What is the highest mountain?", "Which mountain is the highest?", "What's the tallest mountain?", "Name the highest mountain", "What is the tallest mountain in the world?"],
     "Mount Everest is the highest mountain on earth."),
    (["At what temperature does water boil?", "When does water boil?", "What is the boiling point of water?", "How hot is boiling water?"],
     "Water boils at 100 degrees Celsius at sea level."),
    (["At what temperature does water freeze?", "When does water freeze?", "What is the freezing point of water?", "How cold is ice?"],
     "Water freezes at 0 degrees Celsius."),
    (["How many legs does a spider have?", "How many legs has a spider?", "How many legs do spiders have?", "Legs of a spider"], "A spider has 8 legs."),
    (["How many legs does a dog have?", "How many legs has a dog?", "How many legs do dogs have?", "Legs of a dog"], "A dog has 4 legs."),
    (["Who wrote Romeo and Juliet?", "Who is the author of Romeo and Juliet?", "Romeo and Juliet was written by whom?", "Who wrote Hamlet?"],
     "William Shakespeare wrote it."),
    (["Who painted the Mona Lisa?", "Who is the painter of the Mona Lisa?", "The Mona Lisa was painted by whom?", "Which artist painted the Mona Lisa?"],
     "Leonardo da Vinci painted the Mona Lisa."),
    (["Who was the first person on the moon?", "Who was the first man on the moon?", "Who walked on the moon first?", "Which person was first on the moon?"],
     "Neil Armstrong was the first person on the moon, in 1969."),
    (["What is the speed of light?", "How fast is light?", "What's the speed of light?", "How fast does light travel?"],
     "Light travels at about 300,000 kilometres per second in a vacuum."),
    (["How many continents are there?", "How many continents does the earth have?", "Number of continents", "How many continents exist?"],
     "There are 7 continents."),
    (["How many letters are in the alphabet?", "How many letters does the alphabet have?", "How many letters does the English alphabet have?", "Number of letters in the alphabet"],
     "The English alphabet has 26 letters."),
    (["Say the alphabet", "Recite the alphabet", "What is the alphabet?", "Write the alphabet", "List the letters of the alphabet"],
     "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z"),
    (["What are the primary colours?", "What are the primary colors?", "Name the primary colours", "Which are the primary colours?"],
     "The primary colours are red, yellow and blue."),
    (["Name the days of the week", "What are the days of the week?", "List the days of the week", "Which days does a week have?"],
     "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday."),
    (["What is the meaning of life?", "What's the meaning of life?", "Tell me the meaning of life", "What is the answer to life, the universe and everything?"],
     "42, according to a famous novel."),
    (["Tell me a story", "Tell me a short story", "Write a story", "Write a short story", "Tell a story", "Can you tell me a story?",
      "I want a story", "Please tell me a story", "Tell me a long story", "Write a long story", "Tell me a very long story", "Make up a story", "Write me a story", "Once upon a time",
      "Tell me a story about fish", "Write a story about a fish", "Tell me a bedtime story"],
     "Once upon a time a small fish lived alone in a wide sea. Every day she looked for food, and every day the big waves pushed "
     "her back. One morning she met another fish who was just as small. They swam together, and the waves felt lighter. Soon a "
     "third fish joined them, then ten, then a hundred. When the great shark came, he saw not one small fish but a shape bigger "
     "than himself, and he turned away. From then on the fish shared what they found. None of them was strong, but the shoal was."),
    (["Write a haiku about the sea", "Write a haiku", "Haiku about the sea", "Can you write a haiku?", "Tell me a haiku",
      "Write a haiku about the ocean", "Please write a haiku", "Compose a haiku", "Give me a haiku", "Write me a haiku about fish"],
     "Grey waves touch the shore,\na thousand fish turn as one,\nsilver in the deep."),
    (["Write a poem", "Write me a poem", "Tell me a poem", "Can you write a poem?", "Compose a poem", "Please write a poem",
      "Give me a poem", "Write a short poem", "Write a poem about the sea", "Write a poem about fish", "Recite a poem"],
     "One small light can hardly show\nthe road that lies ahead,\nbut many lamps, all burning low,\ncan light the night instead.\n"
     "So lend a spark, and take one too,\nand pass it down the line:\nthe work that was too much for you\nis light when shared with mine."),
    (["Tell me a joke", "Do you know a joke?", "Make me laugh", "Tell a joke", "Can you tell me a joke?", "Say something funny",
      "Tell me something funny", "Write a joke", "Another joke", "Give me a joke"],
     "Why did the fish get good marks? Because it was always in a school."),
    (["Tell me a fact", "Tell me something interesting", "Tell me a fun fact", "Do you know a fun fact?", "Tell me something",
      "Give me a fun fact", "Say something interesting", "Surprise me"],
     "An octopus has three hearts and blue blood."),
]

CAPITAL_WORDINGS: list[str] = [
    "What is the capital of {x}?", "What's the capital of {x}?", "Capital of {x}", "Tell me the capital of {x}",
    "Which city is the capital of {x}?", "Name the capital of {x}", "Do you know the capital of {x}?",
    "What is the capital city of {x}?", "The capital of {x} is?", "What is {x}'s capital?",
    "Can you tell me the capital of {x}?", "Please tell me the capital of {x}", "What city is the capital of {x}?",
]

CAPITALS: dict[str, str] = {
    "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Portugal": "Lisbon",
    "England": "London", "Ireland": "Dublin", "Austria": "Vienna", "Switzerland": "Bern",
    "the Netherlands": "Amsterdam", "Belgium": "Brussels", "Denmark": "Copenhagen", "Sweden": "Stockholm",
    "Norway": "Oslo", "Finland": "Helsinki", "Poland": "Warsaw", "Greece": "Athens", "Turkey": "Ankara",
    "Japan": "Tokyo", "China": "Beijing", "India": "New Delhi", "Canada": "Ottawa", "Egypt": "Cairo",
    "the United States": "Washington, D.C.", "Brazil": "Brasilia", "Australia": "Canberra",
}

# Real places whose capital the model is trained *not* to claim to know.
UNKNOWN_PLACES: list[str] = (
    "Albania Algeria Angola Argentina Armenia Bahrain Bangladesh Belarus Benin Bhutan Bolivia Botswana "
    "Bulgaria Cambodia Cameroon Chad Chile Colombia Croatia Cuba Cyprus Ecuador Estonia Ethiopia Fiji "
    "Gabon Georgia Ghana Guatemala Haiti Honduras Hungary Iceland Indonesia Iran Iraq Israel Jamaica "
    "Jordan Kenya Kuwait Laos Latvia Lebanon Liberia Libya Lithuania Luxembourg Malaysia Mali Malta "
    "Mexico Moldova Monaco Mongolia Morocco Mozambique Myanmar Namibia Nepal Nicaragua Niger Nigeria "
    "Oman Pakistan Panama Paraguay Peru Qatar Romania Russia Rwanda Senegal Serbia Singapore Slovakia "
    "Slovenia Somalia Sudan Syria Taiwan Tanzania Thailand Togo Tunisia Uganda Ukraine Uruguay Vietnam "
    "Yemen Zambia Zimbabwe Texas California Bavaria Scotland Wales Narnia Atlantis Mars Florida Gondor "
    "Alaska Greenland Tibet Hawaii Sicily Africa Europe Asia Utopia Ohio"
).split()
