"""The permission that every method needs (docs/rights.md)."""

from __future__ import annotations

from collateral_registry.domain.access.roles import Permission

_P = Permission

_METHODS = {
    _P.READ_SERVICE: """
        ServerReflectionInfo GetServiceInfo GetBusinessDate
        GetRevaluation ListRevaluations WatchRevaluation
    """,
    _P.READ_BOOK: """
        GetAsset BatchGetAssets ListAssets
        GetBreach ListBreaches WatchBreaches
        GetDebtor ListDebtors GetDebtorExposure
        GetDisposal ListDisposals GetRealisationTest
        GetVerification ListVerifications ListClosings
        GetAssignment ListAssignments ListRegistrySearches ListContractTerms ListExclusions ListDebtorLimits
        GetEquipmentFit WatchEquipmentFit GetEquipmentModel ListEquipmentModels ListAppraisals
        GetPoolStatement ListInvoices GetInvoice ExplainInvoice
        GetFinding ListFindings
        ListHaircutEstimates GetHaircutEstimate ListRightEvents ListComingFees
        ListInvoiceFeeds ListInvoiceEntries
        GetLoan ListLoans GetPledge ListPledges
        GetOverride ListOverrides GetProposal ListProposals
        SaveView ListSavedViews DeleteSavedView
        GetBorrowingBase GetReserve ListReserves GetCertificate ListCertificates
        GetPickup ListPickups GetControlledValue
        GetPolicy ListPolicies GetAssetClass ListAssetClasses
        GetPriceSeries ListPriceSeries ListPrices
        ListStockFeeds ListStockLots ListMovements
        ValueAssets GetValuation ListValuations GetWarehouse ListWarehouses ListCountedLots
        GenerateLtvReport StreamLtvReport GenerateBreachReport GetLoanFacets GenerateConcentrationReport
        GetLoanHistory BatchGetLtvHistories GetBookHistory
        GenerateDifferenceReport
    """,
    _P.READ_FEED: "GetStockFeed ListRejectedMovements GetInvoiceFeed ListRejectedEntries",
    _P.QUOTE: """
        QuoteAsset QuotePool QuoteReceivablePool ValueRight QuoteRight CheckDraw CheckPickup
        AppraiseEquipment QuoteEquipment ReconcileAppraisals BacktestAppraisers
        EstimateHaircut BacktestHaircut ForecastPrice PreviewRevaluation
    """,
    _P.REGISTER: """
        CreateAsset BatchCreateAssets UpdateAsset CorrectAssetIdentity
        CreateLoan UpdateLoan UpdateBalances PledgeAsset
        CreateDebtor UpdateDebtor MergeDebtors UndoDebtorMerge
        RecordAssignmentEvent RecordRegistrySearch RecordContractTerms
    """,
    _P.DISPOSE: "RetireAsset UpdatePledge ReleasePledge CloseLoan RequestPickup CancelPickup",
    _P.CERTIFY: "CreateCertificate SubmitCertificate",
    _P.APPRAISE: """
        RecordAppraisal RecordInspection RecordRightEvent
        PlanVerification RecordVerification RecordClosing CheckLedger
    """,
    _P.PUSH_FEED: "PushStock RecordMovements ReportCount PushInvoices RecordInvoiceEntries",
    _P.RECORD_PRICES: "CreatePriceSeries IngestPrices IngestFxRates",
    _P.MONITOR: """
        AcknowledgeBreach GrantGrace NoteBreach DisputeBreach SettleDispute RecordCure EscalateBreach
        OpenDisposal RecordClaim RecordProceeds CloseDisposal
        CheckDoublePledge ResolveFinding
        UpdateStockFeed ResolveRejectedMovement ResolveRejectedEntry
        CreateReserve EndReserve ExcludeInvoices EndExclusion RecordDebtorLimit EndDebtorLimit
        ApproveCertificate ReturnCertificate
    """,
    _P.DRAFT: "CreatePolicy FitEquipmentModel",
    _P.PROPOSE: "ProposeOverride CreateProposal",
    _P.APPROVE: "ApproveOverride RejectOverride ApproveProposal RejectProposal",
    _P.DECIDE_ALONE: "ActivatePolicy ActivateEquipmentModel WaiveBreach ConfirmDoublePledge",
    _P.AUDIT: "GetCheckpoint ListAuditEntries GetInclusionProof GetConsistencyProof",
    _P.OPERATE: "AdvanceBusinessDate Revalue StartRevaluation",
}

METHOD_PERMISSIONS = {method: one for one, methods in _METHODS.items() for method in methods.split()}
"""The permission of each method by the method's name, that of reflection included."""

PUBLIC_METHODS = frozenset({"Check", "List", "Watch"})
"""Methods of health, which need no permission and no identity: probes and load balancers have none."""
