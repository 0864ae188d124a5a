"""What the training voices say, random runs of words in thirteen languages; and what only the evaluations hear."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

WORDS: dict[str, str] = {
    "en": """
        maybe papa bought big map umbrella broom paper people happy baby number member remember problem simple empty
        summer winter music money morning moment minute movie camera family mother brother father bottle table trouble
        bubble rabbit cabin hobby ribbon robot temple apple copper pepper supper puppet open upper shape soup rope
        tape cup top map lamp jump stamp camp dream room time name same home blame comb thumb bomb job tube rub web
        pay pea pie pool poor spoon spy spring split please place bring brown blue blow black bread break buy boy
        bow be by me my more moon man many make small smoke smile we were win wood wall world water wave away
        quick queen language swim twelve you yes year music use few view very over river never every love live give
        five fish fan phone laugh rough safe leaf think thing three month mouth bath this that those breathe they
        see so say sun city pass house voice zoo zero easy nose shoe ship wash push measure vision chair church
        teacher judge bridge age large red rain road around green tree try street car far door four law all long
        little light lay low feel hello yellow no nine never nothing none sing song long hand and end ten two to
        take today day do did deep food good book look cook go gave give again egg bag dog cat kick cake keep
        she he her hear hair house how now out loud cow town our hour eye I ice fire light oil coin noise enjoy
        old open over own go show boat coat ask after answer apple animal and at am add under up us other enough
        about ago alone among banana sofa it in if is ill each eat even eel ooze oat owl art arm are
        """,
    "de": """
        Papa Bauch Bild Berg Brot bitte haben leben lieben über aber oben ob ab gab Lampe Puppe Suppe Treppe Apfel
        Pferd Kopf Topf kommt immer Mama Mutter Mann mehr Montag Zimmer Sommer warm Baum am um im Name nehmen
        Wasser Wein wir wie was Feuer fünf Vater viel Schiff auf Tür Tisch Tag drei du dann Stadt Straße schön
        Schule Fisch ich nicht Licht Buch machen Nacht Zeit zwei zehn sie so sagen Rose rot Regen grün groß gut
        Garten König können Küche kalt lang lesen laufen hören Haus Hund heute Auge Ohr Uhr und öffnen üben
        Ei ein aus auch euch Leute neu Jahr ja jung
        """,
    "fr": """
        papa pomme petit peu pain pont point porte bon bien beau bleu blanc bateau boire bouche robe table maman
        mère mer main mon moins mois monde matin homme femme chambre ombre temps champ tomber impossible jambe
        feu fille fils fleur vous vent ville voir vivre vie eau autre jour joli rouge manger neige chien chat
        chaud chose sous sur soleil sel six zéro maison rose deux dans donner nous nuit non une lune lent long rue
        roi rire grand gris cœur peur sœur qui que quatre oui huit lui œuf oeil un pluie plein
        """,
    "es": """
        papá pan perro pueblo poco puerta bueno blanco barco boca abuelo saber lobo tiempo siempre también hombre
        nombre mamá mano mesa mundo amigo camino como fuego café feliz vida uva vino todo tarde tres dos día
        donde nada niño noche leche mucho chico casa queso aquí cinco zapato cielo sol siete luz luna lluvia
        calle ella yo ayer rojo mujer jugar gente río rosa carro pero árbol agua guerra gato isla hijo oso uno
        """,
    "nl": """
        papa boom boek bij bed brood blauw pop peer paard lopen hoop op slaap lamp mama maan mens maar moeder
        kamer komen naam raam om warm water wij wat vis vijf vader fiets lief straat stad tafel twee drie dag
        deur zon zee zes huis uit buiten oog goed geel groot acht licht lachen school schip sjaal neus nu nacht
        lang rood regen kat koek vuur uur ui eend en ijs ei auto oud jaar ja
        """,
    "pl": """
        baba bardzo babcia bratu być dobry ryba robić chleb pan pies pole papier pomidor herbata lampa mama matka
        morze miasto most zima sam dom moment woda wino wolny owoc trawa fala fabryka figa tata teraz dwa dzień
        dobrze szkoła szary cześć czas czarny żaba życie rzeka sowa siedem zupa zamek nos noc nie niebo król
        kot okno góra głowa las list ludzie ogród ulica usta jabłko jeden ręka rok ciało ziemia źle
        """,
    "sv": """
        pappa båt bok blomma bra brev bröd skopa kopp upp öppen lampa mamma mat måne man mycket sommar rum hem
        komma namn vatten vi vad vit fem fisk far liv leva över tåg två tre dag dörr sol sju sjö skön stjärna
        hus hund ha hår kök katt kall gata grön god läsa lång ljus natt nio ny öga öra år äpple ut under röd
        regn jag ja du det hav
        """,
    "tr": """
        baba bebek bir bu büyük bahçe balık kitap kapı para pencere peki top anne mavi masa merhaba mutlu
        zaman akşam kim tamam var ve ev sevmek fındık futbol taş tatlı dört dün deniz su saat sabah sarı şeker
        şimdi iş çok çay üç ağaç güzel göz gün kız kuş köy yol yeşil ay araba ışık ılık okul otobüs uzun ne nasıl
        lütfen limon renk rüzgar cam gece
        """,
    "hi": """
        पानी पापा बहुत बड़ा बाबा किताब सब अब मामा मेरा माँ काम नाम मकान हम तुम फल फूल भाई भूख सुबह वह वन दिन
        दो तीन तारा थोड़ा धन ठंडा डर लाल लोग सात सूरज शाम घर गाँव खाना कल क्या चार चाय छोटा जल जीवन यह नदी
        नया रात रोटी हाथ हवा एक आज आम इधर ईख उधर ऊपर ऐसा ओर और
        """,
    "cs": """
        máma táta bába pes pivo byt bota ryba být dobrý barva paní pan park oběd teplo auto most město mapa mléko
        matka jméno zima země kámen dům tam sám víno voda vlak fialka foukat ráno rok řeka řeč moře šest škola
        žena žába čas český jeden noc den dnes dítě tělo ticho labuť kůň oheň ucho chleba hora hrad jaro les list
        slunce sníh cena cukr pět dva tři ulice ústa jablko kniha okno
        """,
    "fi": """
        pappa äiti poika puu pieni lapsi kaupunki paperi pöytä leipä omppu lumppu apua banaani bussi pallo mamma
        maa mies minä maito metsä kesä nimi lämmin ilma oma tumma vesi viisi vene kiva hyvä talvi yö työ syksy
        öljy sydän päivä sää sana sininen kissa koira kala kirja kello juoda jalka jäätelö hevonen huone tuuli
        talo tuli toinen nenä nyt aika auto uni suuri iso ei kuusi ovi
        """,
    "ru": """
        мама папа баба пиво рыба быть белый большой берег хлеб дуб зуб суп лампа помидор парк поле песня пять
        молоко море мост месяц мир имя время зима дом там вода вино волк вечер лев трава фильм фонарь кофе
        утро дерево день ночь небо нос снег солнце сила зеленый жизнь жаба школа шесть щука чай человек час цвет
        лицо река рука рот красный книга кот хорошо холод год город глаз улица ухо яблоко юг ёлка она он окно это
        """,
    "ca": """
        mama papa pa poma pobre pont porta bo bonic blanc barca boca abella temps sempre també home nom mare mes
        món amic camp cama fum foc fill flor vi vida veure vent vaixell tot tres dos dia dona nit neu noia
        llet lluna lluny casa quatre cinc cel sol set sucre zero joc jove gent groc gat aigua aire ull hora
        hivern estiu un una ou or roig riu rosa carrer xocolata peix
        """,
}
"""Ordinary words by language, P, B and M more often than in speech."""

DEVELOPMENT: dict[str, str] = {
    "en": """
        A big brown bear came up the path and bumped the empty barrel.
        Can we meet in front of the museum at half past seven?
        The captain hopes to bring the ship back before the storm arrives.
        My grandmother bakes pumpkin bread for everybody in the village.
        Please put the lamp above the table, not beside the window.
        Yesterday the children built a wooden bridge over the river.
        Do you remember the name of the man who repaired our piano?
        Five thousand visitors saw the painting during the summer.
        She whispered something, laughed, and walked slowly away.
        The weather will be warm tomorrow, with a little rain in the evening.
        Perhaps the problem is simpler than you think it is.
        We bought apples, plums and blackberries from a farmer.
        This is the oldest clock tower in the whole country.
        Keep your umbrella open until the bus comes around the corner.
        The postman left a damp parcel by the back door on Monday.
        Nobody remembers when the bakery moved to the other side of town.
        Two dogs were sleeping under the old maple tree.
        I would like a cup of tea and a piece of lemon cake, please.
        Her brother works at a hospital near the airport.
        The windows were open and the room smelled of fresh paint.
        Every winter the lake freezes and people skate on it.
        Robert bought a pair of brown boots for the mountain trip.
        Did anyone see the film about the submarine last night?
        The museum keeps a map of the harbour from the time of Napoleon.
        They divided the money evenly between the four families.
        A nervous young driver turned into the wrong avenue.
        The number of tables in the dining room has doubled.
        Most of the evidence was hidden behind a heavy curtain.
        My umbrella broke in the first storm of September.
        We never found out who had sent the invitation.
        The ambulance came at once and nobody was badly hurt.
        Drop the empty bottles into the blue box by the gate.
        Seven women planted vegetables in the garden of the school.
        The computer program stopped after a couple of minutes.
        It was too dark to read the title on the envelope.
        Simple problems often become impossible when people are tired.
        The river divides the valley into two unequal halves.
        Bob and Pam jumped on the bumpy bus to Birmingham.
        Add ten drops of vanilla and stir until the dough is even.
        Tim told Danny that the tent had been torn in the wind.
        The number nine tram leaves at noon and returns at eleven.
        Remember to bring a warm jumper, because the cabin is cold.
        Governments have invested a lot of money in modern trains.
        The poet published a small book about bees and plums.
        """,
    "it": """
        Buongiorno, vorrei un bicchiere di acqua e un po' di pane.
        Mia mamma abita in campagna, vicino a un piccolo bosco.
        Domani prendiamo il primo treno per Palermo alle sei.
        Il bambino gioca con la palla rossa sopra il tappeto.
        La nonna prepara una torta di mele per il compleanno di Marta.
        Abbiamo comprato due biglietti per il museo di Bologna.
        Mi piace molto camminare in montagna quando fa bel tempo.
        Il professore ha dimenticato la borsa sopra il banco.
        Potrebbe abbassare il volume della musica, per favore?
        Un gatto bianco dorme tranquillo davanti alla porta.
        Nel mese di febbraio la campagna è coperta di neve.
        Roberto ha imparato a suonare il pianoforte da bambino.
        Non abbiamo ancora trovato un albergo vicino alla stazione.
        Le bambine raccolgono fiori e piccole pietre nel prato.
        Dopo pranzo beviamo sempre un caffè amaro.
        Il problema principale è che manca il tempo.
        Due uomini portano un tavolo pesante nella stanza.
        Sembra impossibile, ma la bottiglia è di nuovo piena.
        Domenica pomeriggio andremo al parco con gli amici.
        Tutti sanno che il treno delle nove arriva tardi.
        """,
    "pt-br": """
        Bom dia, você pode me mostrar o caminho para o museu?
        A minha amiga comprou pão, banana e um pouco de queijo.
        O barco pequeno passa debaixo da ponte ao meio-dia.
        Ontem choveu muito, mas hoje o tempo está bonito.
        """,
}
"""Sentences that no training voice says: the recipe is chosen by them. Italian and Portuguese are not trained on."""

TEST: dict[str, str] = {
    "en": """
        The baker's boy swam past the pier with a plum pie above his head.
        Don't move the piano before Tuesday, the floor is still damp.
        Seventy people have visited the tower since the beginning of May.
        Amy put a ribbon on every gift and hid them behind the sofa.
        In November the farmers burn old branches on the empty fields.
        The pilot and the navigator have known each other for ten years.
        Would you mind opening the cabinet and passing me the big hammer?
        A television was found at the bottom of the swimming pool.
        Nine of the twelve members voted against the proposal.
        Pack the lamps in newspaper, then label the boxes with a number.
        The adventure ended when the battery of the drone died.
        My uncle drove a van from Vienna to Bombay in the seventies.
        Rub the spot with a damp sponge and leave it to dry overnight.
        Every volunteer deserves a warm meal and a comfortable bed.
        The amount of traffic on the bridge has never been measured.
        Thomas opened the envelope, smiled and began to read.
        """,
    "hi": """
        बाबा ने बाज़ार से मीठे आम और पपीते मँगवाए।
        मेरी माँ सुबह पाँच बजे उठकर भजन गाती है।
        पहाड़ पर बर्फ़ गिर रही है और नदी जम गई है।
        तुम्हारे भाई का मकान स्टेशन के पीछे है।
        बच्चे मैदान में गेंद से खेल रहे हैं।
        इस किताब में बहुत पुरानी कहानियाँ हैं।
        पानी के बिना जीवन संभव नहीं है।
        वह तबला बजाता है और उसकी बहन नाचती है।
        दुकान बंद होने से पहले दवा ले आओ।
        मुंबई में बारिश के मौसम में बहुत भीड़ होती है।
        तोता पेड़ की ऊपर वाली डाल पर बैठा था।
        नए पुल का नाम अभी तय नहीं हुआ है।
        """,
    "te": """
        మా అమ్మ పాలు పంచదార కలిపి బొబ్బట్లు చేసింది.
        బాబు బడికి వెళ్ళి పాఠాలు చదువుతాడు.
        మామిడి పండు తియ్యగా ఉంటుంది.
        పావురం చెట్టు మీద నుంచి ఎగిరి పోయింది.
        ఈ ఊరిలో పెద్ద బావి ఒకటి ఉంది.
        నేను రేపు సాయంత్రం బంధువుల ఇంటికి వస్తాను.
        పుస్తకం బల్ల మీద పెట్టి తలుపు మూసివేయి.
        వాన పడితే పంటలు బాగా పండుతాయి.
        తాత తోటలో మొక్కలకు నీళ్ళు పోస్తున్నాడు.
        అబ్బాయి పాము చూసి భయపడ్డాడు.
        నగరం మధ్యలో నది పారుతుంది.
        మనం కలిసి పని చేద్దాం.
        """,
}
"""Sentences of the test: nothing was chosen by what is heard of them. Telugu is not trained on."""


def sentences(language: str, count: int, rng: np.random.Generator) -> Iterator[str]:
    """Yield random runs of three to nine words, some with a comma within."""
    words = WORDS[language].split()
    for _ in range(count):
        run = rng.choice(words, size=rng.integers(3, 10)).tolist()
        if len(run) > 5 and rng.random() < 0.5:
            run[2] += ","
        yield " ".join(run).capitalize() + ("?" if rng.random() < 0.2 else ".")


def lines(texts: dict[str, str], language: str) -> list[str]:
    """Return the sentences in a language."""
    return [line.strip() for line in texts[language].strip().splitlines()]
