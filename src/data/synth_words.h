// Words and sentences of the embedded corpus. Order and number decide what a seed gives: add only
// with a new format note in the documentation.
#pragma once

#include <array>
#include <string_view>

namespace meap::synth {

// Slots: {n} a name, {m} another name, {o} an object with its adjective, {p} a place, {w} the
// weather, {t} a time of day. An upper-case first letter is put where a sentence begins.
inline constexpr std::array<std::string_view, 40> kFiller = {
    "In the {t} {n} walked to the {p} and looked at the {o}.",
    "The weather was {w}, and {n} stayed near the {p}.",
    "{n} and {m} talked about the {o} for a long time.",
    "Nobody knew why the {o} had been left in the {p}.",
    "{n} bought the {o} from an old man at the {p}.",
    "It was a {w} {t}, and the {p} was almost empty.",
    "{m} asked {n} to bring the {o} before the {t}.",
    "They sat in the {p} and listened to the rain.",
    "{n} smiled, put down the {o} and opened the window.",
    "Some children were playing behind the {p} with the {o}.",
    "{n} had lived close to the {p} for many years.",
    "The road to the {p} was long, but {n} did not mind.",
    "{m} liked the {t} best, because the {p} was quiet then.",
    "There was a letter for {n} on the table, under the {o}.",
    "A {w} wind came from the hills and shook the trees.",
    "{n} counted the steps from the {p} to the river.",
    "Every {t} {m} cleaned the {o} with a soft cloth.",
    "The baker told {n} a story about the {p}.",
    "{n} wanted to sell the {o}, but {m} said no.",
    "People came from far away to see the {p}.",
    "{n} forgot the {o} and had to go back to the {p}.",
    "The lamps in the {p} were lit in the {t}.",
    "{m} carried the {o} up the hill and down again.",
    "{n} made tea and waited until the {w} {t} was over.",
    "A dog slept in front of the {p} all day.",
    "{n} drew a picture of the {o} and gave it to {m}.",
    "On the way home {n} met {m} near the {p}.",
    "The {o} was older than the {p} itself.",
    "{m} laughed and said that the {t} would be {w}.",
    "{n} wrote a few lines about the {p} and the {o}.",
    "The boat did not leave, because the {t} was too {w}.",
    "{n} found a coin beside the {o}.",
    "There was music in the {p}, and {m} began to dance.",
    "{n} had never seen the {o} so clean.",
    "In the {p} the clock struck, and {n} stood up.",
    "{m} repaired the {o} with a piece of string.",
    "The teacher showed {n} the way to the {p}.",
    "It rained a little, then the {t} became {w}.",
    "{n} looked for {m} in the {p}, but found only the {o}.",
    "Bread, cheese and apples stood on the table in the {p}.",
};

// A fact: {k} is what it is about, {v} its value. All have one form, "the A of K is V": what has to
// be learned for one kind then serves all.
struct FactKind {
  std::string_view statement;
  std::string_view question;
};
inline constexpr std::array<FactKind, 5> kFacts = {{
    {"the code of the {k} is {v}", "What is the code of the {k}?"},
    {"the colour of the {k} is {v}", "What is the colour of the {k}?"},
    {"the home of {k} is {v}", "What is the home of {k}?"},
    {"the secret word of {k} is {v}", "What is the secret word of {k}?"},
    {"the favourite food of {k} is {v}", "What is the favourite food of {k}?"},
}};

// How a fact is stated the first time, and again.
inline constexpr std::array<std::string_view, 6> kFirst = {"{s}.",
                                                           "Today {s}.",
                                                           "You must know that {s}.",
                                                           "It is said that {s}.",
                                                           "Remember that {s}.",
                                                           "A note says that {s}."};
inline constexpr std::array<std::string_view, 6> kAgain = {
    "As was said, {s}.",          "Everyone knows that {s}.", "Do not forget that {s}.",
    "It is still true that {s}.", "Once more, {s}.",          "So {s}."};

inline constexpr std::array<std::string_view, 48> kNames = {
    "Mara",   "Tom",   "Anna",  "Peter",  "Lucy",  "Henry",  "Clara", "Simon",  "Emma",  "Oscar",
    "Rosa",   "David", "Helen", "Jacob",  "Nora",  "Frank",  "Alice", "Bruno",  "Sarah", "Leo",
    "Julia",  "Max",   "Ellen", "Hugo",   "Maria", "Paul",   "Eva",   "Felix",  "Laura", "Karl",
    "Ruth",   "Adam",  "Greta", "James",  "Irene", "Victor", "Diana", "Walter", "Grace", "Samuel",
    "Martha", "Edgar", "Flora", "Arthur", "Hanna", "Robert", "Vera",  "Daniel"};
inline constexpr std::array<std::string_view, 48> kSurnames = {
    "Brown",  "Fisher", "Miller", "Taylor", "Cooper", "Hill",   "Wood",   "Stone",
    "Baker",  "Young",  "King",   "Carter", "Moore",  "Hall",   "Green",  "Wright",
    "Walker", "Turner", "Parker", "Hunter", "Mason",  "Potter", "Shaw",   "West",
    "North",  "Lake",   "Field",  "Reed",   "Snow",   "Winter", "Bishop", "Knight",
    "Page",   "Cook",   "Ford",   "Wells",  "Burns",  "Cross",  "Dale",   "Frost",
    "Grant",  "Hayes",  "Lane",   "Marsh",  "Price",  "Rose",   "Swan",   "Webb"};
inline constexpr std::array<std::string_view, 24> kAdjectives = {
    "blue",  "old",   "small", "heavy",  "golden", "broken",  "round",   "wooden",
    "green", "tall",  "white", "silver", "narrow", "bright",  "plain",   "rusty",
    "dark",  "light", "red",   "empty",  "long",   "painted", "strange", "little"};
inline constexpr std::array<std::string_view, 48> kObjects = {
    "lantern", "box",      "chair",     "mirror", "basket",  "clock",   "ladder", "kettle",
    "drum",    "carpet",   "bottle",    "hammer", "violin",  "ring",    "saddle", "map",
    "lamp",    "crown",    "bucket",    "shovel", "whistle", "candle",  "helmet", "pillow",
    "wagon",   "spoon",    "flag",      "coat",   "chest",   "globe",   "needle", "statue",
    "bell",    "blanket",  "telescope", "barrel", "anchor",  "trumpet", "wheel",  "compass",
    "cup",     "painting", "knife",     "rope",   "bench",   "book",    "stove",  "broom"};
inline constexpr std::array<std::string_view, 32> kPlaces = {
    "garden",  "kitchen", "market", "library", "barn",   "cellar", "church",  "station",
    "harbour", "school",  "mill",   "attic",   "bakery", "forest", "stable",  "tower",
    "hall",    "theatre", "cabin",  "office",  "square", "castle", "museum",  "chapel",
    "inn",     "shop",    "prison", "palace",  "bridge", "park",   "factory", "hospital"};
inline constexpr std::array<std::string_view, 16> kColours = {
    "red",  "blue", "green",  "yellow", "black",  "white", "brown",  "grey",
    "pink", "gold", "silver", "purple", "orange", "cream", "violet", "copper"};
inline constexpr std::array<std::string_view, 32> kWords = {
    "apple", "river", "stone",   "eagle", "winter", "honey", "thunder", "paper",
    "tiger", "ocean", "feather", "lemon", "shadow", "iron",  "rabbit",  "pepper",
    "cloud", "maple", "dragon",  "salt",  "mirror", "rose",  "wolf",    "butter",
    "snow",  "fire",  "corn",    "horse", "island", "nut",   "star",    "velvet"};
inline constexpr std::array<std::string_view, 32> kCities = {
    "Paris",  "London", "Rome",   "Madrid",  "Berlin",  "Vienna", "Oslo",    "Dublin",
    "Lisbon", "Athens", "Prague", "Cairo",   "Boston",  "Tokyo",  "Moscow",  "Geneva",
    "Milan",  "Naples", "Warsaw", "Delhi",   "Havana",  "Lima",   "Quebec",  "Sydney",
    "Munich", "Venice", "Zurich", "Hamburg", "Seville", "Dallas", "Chicago", "Denver"};
inline constexpr std::array<std::string_view, 24> kFoods = {
    "bread", "cheese", "soup", "rice",   "fish",   "cake",  "honey",  "eggs",
    "pie",   "beans",  "meat", "milk",   "butter", "nuts",  "plums",  "cherries",
    "pears", "apples", "corn", "onions", "jam",    "salad", "grapes", "carrots"};
inline constexpr std::array<std::string_view, 12> kWeather = {"cold",   "warm", "rainy", "sunny",
                                                              "windy",  "grey", "mild",  "dry",
                                                              "stormy", "calm", "hot",   "wet"};
inline constexpr std::array<std::string_view, 6> kTimes = {"morning", "evening", "afternoon",
                                                           "night",   "summer",  "autumn"};

}  // namespace meap::synth
